using System.Text;

namespace CocoGuest.Service.Options;

/// <summary>The option table as text: help, and the effective values.</summary>
internal static class OptionsText
{
    /// <summary>The help text.</summary>
    public static string Help()
    {
        var text = new StringBuilder();
        text.AppendLine("cocoguest: an emulated confidential-computing guest behind gRPC.");
        text.AppendLine();
        text.AppendLine("Each option is a key of the configuration file (JSON), an environment variable and a flag; the flag wins.");
        text.AppendLine();
        var defaults = new ServerOptions();
        foreach (OptionSpec row in OptionTable.Rows)
        {
            string flag = row.IsSwitch ? $"--{row.Key}, --no-{row.Key}" : $"--{row.Key} {row.Value}";
            text.AppendLine($"  {flag,-34} {row.Help}");
            text.AppendLine($"  {"",-34} {row.EnvironmentName}, default {Shown(row.Get(defaults))}");
        }

        text.AppendLine();
        text.AppendLine($"  {"--config PATH",-34} the configuration file ({OptionTable.EnvironmentPrefix}CONFIG)");
        text.AppendLine($"  {"--print-config",-34} show the effective values and where they came from, then end");
        text.AppendLine($"  {"--version",-34} show the version, then end");
        text.AppendLine($"  {"--help, -h",-34} show this, then end");
        text.AppendLine();
        text.AppendLine("--no-KEY stands for 'off' wherever a value may be off: --no-tcp.");
        return text.ToString();
    }

    /// <summary>Every key, its effective value and its source, one a line.</summary>
    public static string Effective(OptionsReading reading)
    {
        var text = new StringBuilder();
        foreach (OptionSpec row in OptionTable.Rows)
        {
            OptionSource source = reading.Sources.GetValueOrDefault(row.Key);
            text.AppendLine($"{row.Key,-24} {Shown(row.Get(reading.Options)),-40} {source.ToString().ToLowerInvariant()}");
        }

        return text.ToString();
    }

    private static string Shown(string value) => value.Length == 0 ? "''" : value;
}
