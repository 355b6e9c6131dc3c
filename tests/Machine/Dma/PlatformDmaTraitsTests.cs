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
    public void Of_Platform_AnswersAsCcPlatformHas(Platform platform, bool mem, bool host, bool guest, bool state)
    {
        PlatformDmaTraits traits = PlatformDmaTraits.Of(platform);

        Assert.Equal(
            (mem, host, guest, state),
            (traits.MemEncrypt, traits.HostMemEncrypt, traits.GuestMemEncrypt, traits.GuestStateEncrypt));
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
