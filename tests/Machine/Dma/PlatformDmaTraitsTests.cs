using CocoGuest.Machine.Dma;
using CocoGuest.Machine.Profiles;

namespace CocoGuest.Tests.Machine.Dma;

public class PlatformDmaTraitsTests
{
    [Theory]
    [Statement("S-DMA-10")]
    [InlineData(Platform.None, false, false, false, false)]
    [InlineData(Platform.Sev, true, false, true, false)]
    [InlineData(Platform.SevSnp, true, false, true, true)]
    [InlineData(Platform.Tdx, true, false, true, false)]
    [InlineData(Platform.SevEs, true, false, true, true)]
    [InlineData(Platform.SevSnpVtom, true, false, true, false)]
    [InlineData(Platform.SmeHost, true, true, false, false)]
    [InlineData(Platform.CcaRealm, true, false, false, false)]
    [InlineData(Platform.CcaRealm, true, false, true, false, KernelVersion.V73)]
    [InlineData(Platform.Pkvm, false, false, false, false)]
    [InlineData(Platform.Pkvm, true, false, true, false, KernelVersion.V73)]
    [InlineData(Platform.PowerSvm, true, false, false, false)]
    [InlineData(Platform.PowerSvm, true, false, true, false, KernelVersion.V73)]
    [InlineData(Platform.S390, false, false, false, false)]
    [InlineData(Platform.S390, true, false, true, false, KernelVersion.V73)]
    public void Of_Platform_AnswersAsCcPlatformHas(
        Platform platform, bool mem, bool host, bool guest, bool state, KernelVersion kernel = KernelVersion.V72)
    {
        var traits = PlatformDmaTraits.Of(platform, kernel);

        Assert.Equal(
            (mem, host, guest, state),
            (traits.MemEncrypt, traits.HostMemEncrypt, traits.GuestMemEncrypt, traits.GuestStateEncrypt));
    }

    [Theory]
    [Statement("S-DMA-19")]
    [InlineData(Platform.None, KernelVersion.V73, false)]
    [InlineData(Platform.Tdx, KernelVersion.V72, true)]
    [InlineData(Platform.CcaRealm, KernelVersion.V72, true)]
    [InlineData(Platform.Pkvm, KernelVersion.V72, false)]
    [InlineData(Platform.Pkvm, KernelVersion.V73, true)]
    [InlineData(Platform.S390, KernelVersion.V612, true)]
    [InlineData(Platform.PowerSvm, KernelVersion.V71, true)]
    public void ForceDmaUnencrypted_OrdinaryDevice_FollowsPlatformAndKernel(Platform platform, KernelVersion kernel, bool forced) =>
        Assert.Equal(forced, new DmaEnvironment(platform, kernel, 0xffffffff).ForceDmaUnencrypted(ulong.MaxValue));

    [Theory]
    [Statement("S-DMA-19")]
    [InlineData(0xffffffffUL, true)]
    [InlineData((1UL << 51) - 1, true)]
    [InlineData(ulong.MaxValue, false)]
    public void ForceDmaUnencrypted_SmeHost_DecidesByMask(ulong mask, bool forced) =>
        Assert.Equal(forced, new DmaEnvironment(Platform.SmeHost, KernelVersion.V73, 0xffffffff).ForceDmaUnencrypted(mask));

    [Theory]
    [Statement("S-DMA-12", "S-DMA-16", "S-VEC-30")]
    [InlineData(Platform.CcaRealm, 40, 0x12345000UL, 0x8012345000UL)]
    [InlineData(Platform.SevSnpVtom, 48, 0x12345000UL, 0x12345000UL)]
    [InlineData(Platform.SmeHost, 48, 0x8000012345000UL, 0x12345000UL)]
    [InlineData(Platform.S390, 48, 0x12345000UL, 0x12345000UL)]
    [InlineData(Platform.Pkvm, 48, 0x12345000UL, 0x12345000UL)]
    public void Encoding_OtherPlatforms_HasTheFormsOfTheTable(Platform platform, int width, ulong asPrivate, ulong asShared)
    {
        AddressEncoding encoding = new DmaEnvironment(platform, KernelVersion.V73, 0xffffffff, ipaWidth: width).Encoding;

        Assert.Equal((asPrivate, asShared), (encoding.Private(0x12345000), encoding.Unencrypted(0x12345000)));
        Assert.Equal((0x12345000UL, 0x12345000UL), (encoding.Physical(asPrivate), encoding.Physical(asShared)));
    }

    [Theory]
    [Statement("S-VEC-30", "S-DMA-12")]
    [InlineData(Platform.None, 51, 0x12345000UL)]
    [InlineData(Platform.Sev, 51, 0x8000012345000UL)]
    [InlineData(Platform.SevSnp, 47, 0x800012345000UL)]
    [InlineData(Platform.Tdx, 51, 0x12345000UL)]
    public void Encoding_Page_HasTheFormsOfTheVectors(Platform platform, int cBit, ulong expected)
    {
        AddressEncoding encoding = new DmaEnvironment(platform, KernelVersion.V72, 0xffffffff, cBit).Encoding;

        Assert.Equal((expected, 0x12345000UL), (encoding.Private(0x12345000), encoding.Unencrypted(0x12345000)));
        Assert.Equal(0x12345000UL, encoding.Physical(expected));
    }
}
