using CocoGuest.Machine.Memory;
using CocoGuest.Machine.Memory.Frames;
using CocoGuest.Machine.PageState;
using CocoGuest.Machine.PageState.Wire;

namespace CocoGuest.Tests.Conformance.PageState;

public class WireWordTests
{
    [Theory]
    [InlineData(0x12345, PscOperation.Shared, MappingSize.Size4K, 0x0020000012345000)]
    [InlineData(0x12345, PscOperation.Private, MappingSize.Size4K, 0x0010000012345000)]
    [InlineData(0x12400, PscOperation.Private, MappingSize.Size2M, 0x0110000012400000)]
    [Statement("S-VEC-31", "S-SNP-21")]
    public void PscEntry_Encode_GivesTheVector(ulong frame, PscOperation operation, MappingSize size, ulong word) =>
        Assert.Equal(word, new PscEntry(0, frame, operation, size).Encode());

    [Theory]
    [InlineData(0x0020000012345000)]
    [InlineData(0x0110000012400000)]
    [InlineData(0x01100000124001ff)]
    [InlineData(0x004fffffffffffff)]
    [Statement("S-SNP-21")]
    public void PscEntry_DecodeThenEncode_GivesTheWordBack(ulong word) => Assert.Equal(word, PscEntry.Decode(word).Encode());

    [Fact]
    [Statement("S-SNP-21")]
    public void PscEntry_CurrentPage_IsTheLowTwelveBits() => Assert.Equal(0x123, PscEntry.Decode(0x0020000012345123).CurrentPage);

    [Theory]
    [InlineData(PscOperation.Private, 0x0010000012345014)]
    [InlineData(PscOperation.Shared, 0x0020000012345014)]
    [Statement("S-VEC-31", "S-SNP-26")]
    public void PscMsr_EncodeRequest_GivesTheVector(PscOperation operation, ulong word) =>
        Assert.Equal(word, PscMsr.EncodeRequest(0x12345, operation));

    [Fact]
    [Statement("S-SNP-26")]
    public void PscMsr_ErrorOfKvm_SetsBit63()
    {
        ulong response = PscMsr.EncodeResponse(PscMsr.KvmError);
        Assert.Equal(0x8000000000000015, response);
        Assert.Equal(PscMsr.KvmError, PscMsr.DecodeResponse(response));
        Assert.Null(PscMsr.DecodeResponse(0x14));
    }

    [Fact]
    [Statement("S-SNP-21", "S-SNP-22")]
    public void PscHeader_CurrentAndEnd_AreTheLowTwoWords()
    {
        PscHeader header = new(1, 63, 0);
        Assert.Equal(0x003f0001UL, header.Encode());
        Assert.Equal(header, PscHeader.Decode(header.Encode()));
        Assert.Equal(2032, (PscHeader.MaxEntries * PscHeader.Bytes) + PscHeader.Bytes);
        Assert.Equal(0x5_0000_0000UL, new PscHeader(0, 0, 5).Encode());
    }

    [Fact]
    [Statement("S-SNP-38")]
    public void PscHeader_Errors_AreTheWordsOfKvm()
    {
        Assert.Equal(0x10000000000UL, PscHeader.GenericError);
        Assert.Equal(0x100000001UL, PscHeader.InvalidHeader);
        Assert.Equal(0x100000002UL, PscHeader.InvalidEntry);
    }

    [Fact]
    [Statement("S-VEC-32", "S-SNP-01")]
    public void RmpEntry_AssignedValidatedAsid5_GivesTheVector()
    {
        RmpEntry entry = new(true, MappingSize.Size4K, false, 0x12345, 5, false, true);
        Assert.Equal(0x4028000012345001UL, entry.Encode());
        Assert.Equal(entry, RmpEntry.Decode(0x4028000012345001));
    }

    [Theory]
    [InlineData(0x1UL, RmpState.GuestInvalid)]
    [InlineData(0x2UL, RmpState.Hypervisor)]
    [InlineData(0x5UL, RmpState.Immutable)]
    [InlineData(0x4000000000000001UL, RmpState.GuestValid)]
    [Statement("S-SNP-08")]
    public void RmpEntry_State_FollowsTheBits(ulong word, RmpState state) => Assert.Equal(state, RmpEntry.Decode(word).State);

    [Theory]
    [InlineData(0x2UL)]
    [InlineData(0x4UL)]
    [InlineData(0x2000000000000000UL)]
    [InlineData(0x1ff8000000000000UL)]
    [InlineData(0x0007fffffffff000UL)]
    [Statement("S-SNP-01")]
    public void RmpEntry_EachField_SurvivesTheRoundTrip(ulong word) => Assert.Equal(word, RmpEntry.Decode(word).Encode());

    [Theory]
    [InlineData(ConversionDirection.ToPrivate, MappingSize.Size4K, 0x10)]
    [InlineData(ConversionDirection.ToShared, MappingSize.Size4K, 0x00)]
    [InlineData(ConversionDirection.ToPrivate, MappingSize.Size2M, 0x11)]
    [InlineData(ConversionDirection.ToShared, MappingSize.Size1G, 0x02)]
    [Statement("S-VEC-33", "S-SEV-04")]
    public void MapGpaRange_Attributes_GiveTheVector(ConversionDirection direction, MappingSize size, ulong attributes)
    {
        Assert.Equal(attributes, MapGpaRange.EncodeAttributes(direction, size));
        Assert.Equal(direction, MapGpaRange.DirectionOf(attributes));
        Assert.Equal(size, MapGpaRange.SizeOf(attributes));
    }

    [Fact]
    [Statement("S-TDX-02", "S-DMA-15", "S-TDX-01")]
    public void TdxMapGpa_Registers_CarryTheSharedBitForShared()
    {
        FrameRange range = new(0x12345, 0x100);
        Assert.Equal((0x0008000012345000UL, 0x100000UL), TdxMapGpa.Encode(range, ConversionDirection.ToShared, 51));
        Assert.Equal((0x0000800012345000UL, 0x100000UL), TdxMapGpa.Encode(range, ConversionDirection.ToShared, 47));
        Assert.Equal((0x12345000UL, 0x100000UL), TdxMapGpa.Encode(range, ConversionDirection.ToPrivate, 51));
    }

    [Theory]
    [InlineData(0x12345, MappingSize.Size4K, 0x12345000)]
    [InlineData(0x12400, MappingSize.Size2M, 0x12400001)]
    [InlineData(0x40000, MappingSize.Size1G, 0x40000002)]
    [Statement("S-TDX-06")]
    public void TdxAccept_Rcx_IsAddressAndLevel(ulong frame, MappingSize level, ulong rcx)
    {
        Assert.Equal(rcx, TdxAccept.EncodeRcx(frame, level));
        Assert.Equal((frame, level), TdxAccept.DecodeRcx(rcx));
    }

    [Fact]
    [Statement("S-TDX-08")]
    public void TdxAccept_CodeOf_IsTheUpperHalf() => Assert.Equal(TdxAccept.AlreadyAccepted, TdxAccept.CodeOf(0x00000B0A00000001));

    [Theory]
    [InlineData(1, 2, 0x21100, "PVALIDATE")]
    [InlineData(1, 1, 0x11100, "page state change")]
    [InlineData(0, 2, 0x20100, "SNP unsupported")]
    [InlineData(1, 12, 0xc1100, "secure AVIC")]
    [InlineData(1, 13, 0xd1100, "unknown")]
    [InlineData(2, 0, 0x02100, "unknown")]
    [Statement("S-SNP-33", "S-SNP-39")]
    public void GuestTermination_MsrValueAndReason_FollowSetAndCode(byte set, byte code, ulong msr, string reason)
    {
        GuestTermination end = new(set, code, "test");
        Assert.Equal(msr, end.MsrValue);
        Assert.Equal(reason, end.Reason);
    }
}
