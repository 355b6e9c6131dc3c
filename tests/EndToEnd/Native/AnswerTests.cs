using CocoGuest.Tests.EndToEnd.Foreign;

namespace CocoGuest.Tests.EndToEnd.Native;

/// <summary>
/// Errnos that real kernels give programs and that a host file in the place of a guest's would give otherwise, in both modes of
/// <c>coco run</c>; and what a call leaves that fails for want of an fd.
/// </summary>
public sealed class AnswerTests(NativePrograms programs) : IClassFixture<NativePrograms>
{
    private static readonly string[] Default = ["--quiet", "--platform", "none", "--kernel", "7.2", "--memory", "512M"];

    private static readonly Dictionary<string, string> Expected = new(StringComparer.Ordinal)
    {
        ["seals_read_only"] = "EPERM",
        ["seals_write_only"] = "EINVAL",
        ["seals_read_write"] = "EINVAL",
        ["seals_of_read_only"] = "EINVAL",
        ["seals_node"] = "EPERM",
        ["seals_card"] = "EPERM",
        ["open_slash"] = "ENOTDIR",
        ["open_dot"] = "ENOTDIR",
        ["open_behind"] = "ENOTDIR",
        ["open_up"] = "ENOTDIR",
        ["open_slash_by_path"] = "ENOTDIR",
        ["open_slash_create"] = "EISDIR",
        ["open_card_slash"] = "ENOTDIR",
        ["open_text_slash"] = "ENOTDIR",
        ["open_folder_slash"] = "ok",
        ["stat_slash"] = "ENOTDIR",
        ["lstat_slash"] = "ENOTDIR",
        ["access_slash"] = "ENOTDIR",
        ["readlink_slash"] = "ENOTDIR",
        ["openat_slash"] = "ENOTDIR",
        ["openat_nothing_slash"] = "ENOENT",
        ["open_fd_slash"] = "ENOTDIR",
        ["stat_fd_slash"] = "ENOTDIR",
        ["remove"] = "ENODEV",
        ["remove_left"] = "5a",
        ["poison"] = "refused",
        ["offline"] = "refused",
        ["poison_left"] = "5a",
        ["remove_read_only"] = "EACCES",
        ["remove_dumb"] = "ENODEV",
        ["remove_dumb_left"] = "5b",
        ["remove_own"] = "ok",
        ["remove_own_left"] = "0",
        ["import_stdin"] = "EINVAL",
        ["import_memfd"] = "EINVAL",
        ["import_file"] = "EINVAL",
        ["import_pipe"] = "EINVAL",
        ["import_folder"] = "EINVAL",
        ["import_node"] = "EINVAL",
        ["import_path"] = "EBADF",
        ["import_closed"] = "EBADF",
        ["import_minus_one"] = "EBADF",
        ["import_closed_stdin"] = "EBADF",
        ["sync_minus_one"] = "EINVAL",
        ["sync_buffer"] = "EINVAL",
        ["sync_pipe"] = "EINVAL",
        ["udmabuf_without_sealing"] = "EINVAL",
        ["inc"] = "1 1",
        ["two_timelines"] = "2",
        ["client_name"] = "ok",
        ["client_name_long"] = "EINVAL",
        ["client_name_nowhere"] = "EFAULT",
        ["change_handle"] = "EINVAL",
        ["change_handle_nowhere"] = "EFAULT",
    };

    private static readonly Dictionary<string, string> OfAFullTable = new(StringComparer.Ordinal)
    {
        ["full_prime"] = "EMFILE",
        ["full_prime_of_nothing"] = "EMFILE",
        ["full_alloc"] = "EMFILE",
        ["full_export"] = "EMFILE",
        ["full_merge"] = "EMFILE",
        ["full_fence"] = "EMFILE",
        ["full_open"] = "EMFILE",
        ["full_open_nothing"] = "EMFILE",
        ["full_left"] = "0",
    };

    [ForeignFact(ForeignTool.Compiler)]
    public async Task Run_CallsThatAHostFileAnswersOtherwise_GetTheKernelsErrno() =>
        await PrintsAsync(Default, Expected);

    [ForeignFact(ForeignTool.Compiler)]
    public async Task RunStrict_CallsThatAHostFileAnswersOtherwise_GetTheKernelsErrno() =>
        await PrintsAsync(CocoRun.Plain, Expected);

    [ForeignFact(ForeignTool.Compiler)]
    public async Task Run_CallsThatMakeAnFdInAFullTable_FailAndLeaveNothing() =>
        await PrintsAsync(Default, OfAFullTable, "full");

    private async Task PrintsAsync(string[] options, Dictionary<string, string> expected, params string[] arguments)
    {
        (int exitCode, string output, string said) = await CocoRun.RunAsync(
            options, [await programs.BuildAsync("answers"), .. arguments]);

        Assert.True(exitCode == 0, said);
        Dictionary<string, string> fields = CocoRun.Fields(output);
        Assert.Equal(
            expected.OrderBy(e => e.Key, StringComparer.Ordinal),
            fields.Where(f => expected.ContainsKey(f.Key)).OrderBy(f => f.Key, StringComparer.Ordinal));
    }
}
