using CocoGuest.Tests.EndToEnd.Processes;

namespace CocoGuest.Tests.EndToEnd.Foreign;

/// <summary>Starts the Node.js client.</summary>
internal static class NodeClient
{
    public static ChildProgram Start(string mode, string target) => ChildProgram.Start(
        "node", [Programs.Foreign("node/client.js"), mode, target], ("NODE_PATH", ForeignTools.NodeModules));
}
