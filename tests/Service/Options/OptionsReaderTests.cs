using System.Collections;
using CocoGuest.Machine.Profiles;
using CocoGuest.Service.Options;

namespace CocoGuest.Tests.Service.Options;

/// <summary>File, environment and flags: what wins, and what is said about mistakes.</summary>
public sealed class OptionsReaderTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("cocoguest-");

    [Fact]
    public void Read_OfNothing_GivesTheDefaults()
    {
        OptionsReading reading = Read([]);
        Assert.Equal(new ServerOptions(), reading.Options);
        Assert.Empty(reading.Errors);
    }

    [Fact]
    public void Read_OfAllThreeSources_LetsTheFlagWinThenTheEnvironmentThenTheFile()
    {
        string file = Write("""{ "grace-time": "1s", "fd-token-ttl": "1s", "max-guests": 1 /* a comment */, }""");
        OptionsReading reading = Read(
            ["--grace-time", "3s"], ("COCOGUEST_CONFIG", file), ("COCOGUEST_GRACE_TIME", "2s"), ("COCOGUEST_FD_TOKEN_TTL", "2s"));
        Assert.Empty(reading.Errors);
        Assert.Equal((3, 2, 1), (reading.Options.GraceTime.Seconds, reading.Options.FdTokenTtl.Seconds, reading.Options.MaxGuests));
        Assert.Equal(
            (OptionSource.Flag, OptionSource.Environment, OptionSource.File),
            (reading.Sources["grace-time"], reading.Sources["fd-token-ttl"], reading.Sources["max-guests"]));
    }

    [Theory]
    [InlineData("--grace-tiem", "--grace-time")]
    [InlineData("--no-tpc", "--no-tcp")]
    [InlineData("--sockets=/x", "--socket")]
    [InlineData("--print-conf", "--print-config")]
    public void Read_OfUnknownFlag_SuggestsTheNearest(string flag, string suggestion) =>
        Assert.EndsWith($"Did you mean {suggestion}?", Assert.Single(Read([flag]).Errors), StringComparison.Ordinal);

    [Fact]
    public void Read_OfUnknownEnvironmentVariable_SuggestsTheNearest() =>
        Assert.EndsWith(
            "Did you mean COCOGUEST_SOCKET?",
            Assert.Single(Read([], ("COCOGUEST_SOCKT", "x")).Errors), StringComparison.Ordinal);

    [Fact]
    public void Read_OfForeignEnvironmentVariable_IsSilent() => Assert.Empty(Read([], ("COCO", "x"), ("PATH", "y")).Errors);

    [Theory]
    [InlineData("COCOGUEST_PORT")]
    [InlineData("COCOGUEST_SERVICE_HOST")]
    [InlineData("COCOGUEST_SERVICE_PORT")]
    [InlineData("COCOGUEST_SERVICE_PORT_GRPC")]
    [InlineData("COCOGUEST_PORT_7070_TCP")]
    [InlineData("COCOGUEST_PORT_7070_TCP_ADDR")]
    [InlineData("COCOGUEST_PORT_9464_UDP_PROTO")]
    [InlineData("COCOGUEST_TCP_SERVICE_HOST")]
    [InlineData("COCOGUEST_MY_NAME_PORT")]
    [InlineData("COCOGUEST_MY_NAME_PORT_7070_SCTP_PORT")]
    [InlineData("COCOGUEST_TEST_KERNEL")]
    [InlineData("COCOGUEST_TEST_")]
    public void Read_OfAVariableOfKubernetesOrOurTests_IsSilent(string name) =>
        Assert.Empty(Read([], (name, "tcp://10.0.0.1:7070")).Errors);

    [Theory]
    [InlineData("COCOGUEST_PORTS")]
    [InlineData("COCOGUEST_SERVICE")]
    [InlineData("COCOGUEST_PORT_HTTP")]
    [InlineData("COCOGUEST_TESTS")]
    [InlineData("COCOGUEST_TOKEN_FIEL")]
    public void Read_OfAVariableThatOnlyLooksAlike_IsAnError(string name) => Assert.Single(Read([], (name, "x")).Errors);

    [Theory]
    [InlineData("http://collector:4317", "http://collector:4317/ +environment")]
    [InlineData("http://collector:4317", "http://flag/ +flag", "--otlp-endpoint=http://flag")]
    [InlineData("http://collector:4317", "off +flag", "--otlp-endpoint", "off")]
    [InlineData("http://collector:4317", "off +flag", "--no-otlp-endpoint")]
    [InlineData("", "off +default")]
    public void Effective_WithOpenTelemetrysOwnVariable_ShowsWhatHolds(string variable, string shown, params string[] flags) =>
        Assert.Matches($@"(?m)^otlp-endpoint +{shown}\r?$",
            OptionsText.Effective(Read(flags, ("OTEL_EXPORTER_OTLP_ENDPOINT", variable))));

    [Fact]
    public void Read_OfAWrongVariableOfOpenTelemetry_NamesIt() =>
        Assert.StartsWith("OTEL_EXPORTER_OTLP_ENDPOINT: 'collector:4317' is not",
            Assert.Single(Read([], ("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4317")).Errors), StringComparison.Ordinal);

    [Fact]
    public void Read_OfUnknownKeyInTheFile_NamesFileAndNearest()
    {
        string file = Write("""{"gracetime":"1s"}""");
        string error = Assert.Single(Read(["--config", file]).Errors);
        Assert.Contains(file, error, StringComparison.Ordinal);
        Assert.EndsWith("Did you mean grace-time?", error, StringComparison.Ordinal);
    }

    [Fact]
    public void Read_OfBrokenFile_NamesTheLine() =>
        Assert.Contains("line 2", Assert.Single(Read(["--config", Write("{\n nonsense")]).Errors), StringComparison.Ordinal);

    [Fact]
    public void Read_OfMissingFile_SaysSo() =>
        Assert.Contains("cannot be read", Assert.Single(Read(["--config", "/nowhere"]).Errors), StringComparison.Ordinal);

    [Theory]
    [InlineData("--tcp", "7070")]
    [InlineData("--tcp", "example.org:1")]
    [InlineData("--grace-time", "5")]
    [InlineData("--grace-time", "-1s")]
    [InlineData("--grace-time", "25h")]
    [InlineData("--fd-token-ttl", "0")]
    [InlineData("--max-guests", "0")]
    [InlineData("--max-streams", "many")]
    [InlineData("--default-platform", "sun")]
    [InlineData("--default-kernel", "2.4")]
    [InlineData("--default-memory", "big")]
    [InlineData("--default-seed", "0x")]
    [InlineData("--otlp-endpoint", "collector:4317")]
    [InlineData("--metrics", "9464")]
    [InlineData("--metrics", "on")]
    [InlineData("--log-level", "3")]
    [InlineData("--default-guest=maybe", null)]
    [InlineData("--socket", "")]
    [InlineData("--socket", null)]
    public void Read_OfWrongValue_IsOneError(string flag, string? value) =>
        Assert.Single(Read(value is null ? [flag] : [flag, value]).Errors);

    [Theory]
    [InlineData("default-platform", "sun")]
    [InlineData("default-kernel", "2.4")]
    public void Read_OfWrongWord_NamesTheWordsThatTheHelpLists(string key, string word)
    {
        string words = key == "default-platform" ? ShapeWords.Platforms : ShapeWords.Kernels;

        Assert.EndsWith($"is not one of {words}.", Assert.Single(Read([$"--{key}", word]).Errors), StringComparison.Ordinal);
        Assert.EndsWith($": {words}", OptionTable.ByKey[key].Help, StringComparison.Ordinal);
    }

    [Fact]
    public void Read_OfSeveralMistakes_NamesThemAll() =>
        Assert.Equal(3, Read(["--tcp", "x", "--grace-time", "y", "--what"]).Errors.Count);

    [Fact]
    public void Read_OfNegations_TurnsThingsOff()
    {
        ServerOptions options = Read(["--no-tcp", "--no-default-guest", "--no-otlp-endpoint", "--no-metrics"]).Options;
        Assert.Equal((null, false, null, null), (options.Tcp, options.DefaultGuest, options.OtlpEndpoint, options.Metrics));
    }

    [Fact]
    public void Read_OfEveryRowsOwnText_ChangesNothing()
    {
        string[] flags = [.. OptionTable.Rows
            .Where(r => r.Key is not ("runtime-dir" or "default-memory"))
            .Where(r => r.Get(new ServerOptions()) is { Length: > 0 } text && text != "in runtime-dir")
            .Select(r => $"--{r.Key}={r.Get(new ServerOptions())}")];
        OptionsReading reading = Read(flags);
        Assert.Empty(reading.Errors);
        Assert.Equal(new ServerOptions(), reading.Options);
    }

    [Fact]
    public void Help_NamesEveryRowUnderItsThreeNames()
    {
        string help = OptionsText.Help();
        Assert.All(OptionTable.Rows, row =>
        {
            Assert.Contains("--" + row.Key, help, StringComparison.Ordinal);
            Assert.Contains(row.EnvironmentName, help, StringComparison.Ordinal);
        });
    }

    [Fact]
    public void Effective_OfAReading_ShowsValueAndSource()
    {
        string text = OptionsText.Effective(Read(["--grace-time=90s"]));
        Assert.Matches(@"(?m)^grace-time +90s +flag\r?$", text);
        Assert.Matches(@"(?m)^tcp +127\.0\.0\.1:7070 +default\r?$", text);
    }

    [Theory]
    [InlineData("--help", OptionsRequest.Help)]
    [InlineData("-h", OptionsRequest.Help)]
    [InlineData("--version", OptionsRequest.Version)]
    [InlineData("--print-config", OptionsRequest.PrintConfig)]
    internal void Read_OfBareFlags_IsARequest(string flag, OptionsRequest request) => Assert.Equal(request, Read([flag]).Request);

    public void Dispose() => _folder.Delete(recursive: true);

    private static OptionsReading Read(string[] arguments, params (string Name, string Value)[] environment)
    {
        var table = new Hashtable();
        foreach ((string name, string value) in environment)
        {
            table.Add(name, value);
        }

        return OptionsReader.Read(arguments, table);
    }

    private string Write(string text)
    {
        string path = Path.Combine(_folder.FullName, "cocoguest.json");
        File.WriteAllText(path, text);
        return path;
    }
}
