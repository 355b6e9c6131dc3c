using System.Text.RegularExpressions;

namespace CocoGuest.Service.Options;

/// <summary>
/// Environment variables that begin as ours do and are set by others: Kubernetes gives every container such names for each service of its
/// namespace (<c>cocoguest</c>, <c>cocoguest-tcp</c>), and our tests have names of their own. All other unknown names are mistakes.
/// </summary>
internal static partial class ForeignVariables
{
    /// <summary>True for a name that is not meant for the server.</summary>
    public static bool Has(string name) => OfTests().IsMatch(name) || OfKubernetes().IsMatch(name);

    [GeneratedRegex("^COCOGUEST_TEST_")]
    private static partial Regex OfTests();

    // {SERVICE}_SERVICE_HOST, _SERVICE_PORT, _SERVICE_PORT_{NAME}, _PORT, _PORT_{NUMBER}_{PROTOCOL} and that with _PROTO, _PORT, _ADDR.
    [GeneratedRegex(@"^COCOGUEST_([A-Z0-9_]+_)?(SERVICE_HOST|SERVICE_PORT(_[A-Z0-9_]+)?|PORT(_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)?)$")]
    private static partial Regex OfKubernetes();
}
