using CocoGuest.Machine.Memory;
using CocoGuest.Machine.Memory.Frames;

namespace CocoGuest.Machine.PageState;

/// <summary>
/// Exits of hypercall 12 (KVM_HC_MAP_GPA_RANGE) to the VMM. SNP and TDX: one exit for the whole range. SEV: a run of
/// <paramref name="Count"/> exits, one after the other, that split the range evenly (S-SETM-25); their answers are ignored by the guest.
/// </summary>
/// <param name="Range">Frames that change.</param>
/// <param name="Direction">To shared or to private.</param>
/// <param name="Size">Size attribute (S-SEV-04): 2M only for merged 2 MiB entries of an SNP page state change.</param>
/// <param name="Count">Number of exits, 1 or more.</param>
public readonly record struct VmmExit(FrameRange Range, ConversionDirection Direction, MappingSize Size, ulong Count);
