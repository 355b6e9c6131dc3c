using CocoGuest.Machine.Profiles;

namespace CocoGuest.Tests.Machine.Profiles;

/// <summary>The words for platforms and kernels: what sentences list is what is accepted.</summary>
public sealed class ShapeWordsTests
{
    [Fact]
    public void Platforms_EachWord_IsAcceptedAndNamesThePlatform()
    {
        Assert.Equal(PlatformProfile.All.Where(p => p.Served).Select(p => p.Name), ShapeWords.Platforms.Split(", "));
        Assert.All(ShapeWords.Platforms.Split(", "), word =>
        {
            Assert.True(ShapeWords.TryParsePlatform(word, out Platform platform));
            Assert.Equal(word, ShapeWords.NameOf(platform));
        });
    }

    [Fact]
    public void Kernels_EachWord_IsAcceptedAndNamesTheKernel()
    {
        Assert.Equal(KernelProfile.All.Where(k => k.Served).Select(k => k.Name), ShapeWords.Kernels.Split(", "));
        Assert.All(ShapeWords.Kernels.Split(", "), word =>
        {
            Assert.True(ShapeWords.TryParseKernel(word, out KernelVersion kernel));
            Assert.Equal(word, ShapeWords.NameOf(kernel));
        });
    }

    [Fact]
    public void TryParse_NotServedOrUnknownWord_IsRefused()
    {
        Assert.All(PlatformProfile.All.Where(p => !p.Served), p => Assert.False(ShapeWords.TryParsePlatform(p.Name, out _)));
        Assert.All(KernelProfile.All.Where(k => !k.Served), k => Assert.False(ShapeWords.TryParseKernel(k.Name, out _)));
        Assert.False(ShapeWords.TryParsePlatform("sun", out _));
        Assert.False(ShapeWords.TryParseKernel("2.4", out _));
    }

    [Fact]
    public void TryParse_Empty_IsTheDefault()
    {
        Assert.True(ShapeWords.TryParsePlatform("", out Platform platform));
        Assert.True(ShapeWords.TryParseKernel("", out KernelVersion kernel));

        Assert.Equal((ShapeWords.DefaultPlatform, ShapeWords.DefaultKernel), (ShapeWords.NameOf(platform), ShapeWords.NameOf(kernel)));
    }
}
