using System.CommandLine;
using System.Globalization;
using CocoGuest.Machine.Profiles;

namespace CocoGuest.Cli.Run;

/// <summary>
/// The guest of a run on the command line: what <c>coco guest create</c> takes, for a guest that lives as long as the program.
/// </summary>
internal sealed class ShapeOptions
{
    private readonly Option<string> _platform = ShapeWordOptions.Platform();

    private readonly Option<string> _kernel = ShapeWordOptions.Kernel();

    private readonly Option<ulong> _memory = Numbers.Option("--memory", "Bytes of RAM, for example 512M. Default: 4G.");

    private readonly Option<ulong> _cpus = Numbers.Option("--cpus", "Possible CPUs. Default: 2.");

    private readonly Option<string> _swiotlb = new("--swiotlb")
    {
        Description = "The kernel's swiotlb= value: slots of 2 KiB, areas, force or noforce: 32768,force is 64 MiB.",
        DefaultValueFactory = _ => "",
    };

    private readonly Option<string> _cma = new("--cma")
    {
        Description = "The kernel's cma= value, for example 64M.",
        DefaultValueFactory = _ => "",
    };

    private readonly Option<string[]> _heaps = new("--heap")
    {
        Description = "A heap to register; may be repeated. Default: all that the kernel has on the platform.",
        DefaultValueFactory = _ => [],
    };

    private readonly Option<ulong> _seed = Numbers.Option("--seed", "Decides keys and all that is random in hardware. Default: 0.");

    public void AddTo(Command command)
    {
        foreach (Option option in new Option[] { _platform, _kernel, _memory, _cpus, _swiotlb, _cma, _heaps, _seed })
        {
            command.Options.Add(option);
        }
    }

    /// <summary>True if any of them was given.</summary>
    public bool IsGiven(ParseResult parsed) =>
        Others(parsed).Any() || NamesPair(parsed);

    /// <summary>True if a platform or a kernel was given.</summary>
    public bool NamesPair(ParseResult parsed) => parsed.GetValue(_platform)!.Length != 0 || parsed.GetValue(_kernel)!.Length != 0;

    /// <summary>All but platform and kernel as they were given.</summary>
    public IEnumerable<string> Others(ParseResult parsed)
    {
        foreach (Option<ulong> number in new[] { _memory, _cpus, _seed }.Where(o => parsed.GetResult(o) is { Implicit: false }))
        {
            yield return number.Name;
            yield return parsed.GetValue(number).ToString(CultureInfo.InvariantCulture);
        }

        foreach (Option<string> text in new[] { _swiotlb, _cma }.Where(o => parsed.GetValue(o)!.Length != 0))
        {
            yield return text.Name;
            yield return parsed.GetValue(text)!;
        }

        foreach (string heap in parsed.GetValue(_heaps)!)
        {
            yield return _heaps.Name;
            yield return heap;
        }
    }

    /// <summary>The shape that was asked for.</summary>
    /// <exception cref="FormatException">A platform or kernel that there is not, or more CPUs than can be counted.</exception>
    public GuestShape Read(ParseResult parsed)
    {
        string platformWord = parsed.GetValue(_platform)!;
        string kernelWord = parsed.GetValue(_kernel)!;
        if (!ShapeWords.TryParsePlatform(platformWord, out Platform platform))
        {
            throw new FormatException($"--platform: there is no platform '{platformWord}'; there are {ShapeWords.Platforms}.");
        }

        if (!ShapeWords.TryParseKernel(kernelWord, out KernelVersion kernel))
        {
            throw new FormatException($"--kernel: there is no kernel '{kernelWord}'; there are {ShapeWords.Kernels}.");
        }

        ulong cpus = parsed.GetValue(_cpus);
        if (cpus > uint.MaxValue)
        {
            throw new FormatException($"--cpus: {cpus} are too many.");
        }

        return new GuestShape
        {
            Platform = platform,
            Kernel = kernel,
            MemoryBytes = parsed.GetValue(_memory),
            Cpus = (uint)cpus,
            Swiotlb = parsed.GetValue(_swiotlb)!,
            Cma = parsed.GetValue(_cma)!,
            Heaps = parsed.GetValue(_heaps)!,
            Seed = parsed.GetValue(_seed),
        };
    }
}
