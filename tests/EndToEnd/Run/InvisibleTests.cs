using CocoGuest.Tests.EndToEnd.Foreign;
using CocoGuest.Tests.EndToEnd.Native;
using CocoGuest.Tests.EndToEnd.Processes;

namespace CocoGuest.Tests.EndToEnd.Run;

/// <summary>
/// What a program gets of its caller is what it would get without <c>coco run</c> (X6): the same script prints the same with and without.
/// </summary>
public sealed class InvisibleTests(NativePrograms programs) : IClassFixture<NativePrograms>
{
    private const string Bytes = " | od -An -v -tx1";

    [Theory]
    [InlineData(@"$RUN printf '%s' $'caf\xe9|\xff\xfe'")]
    [InlineData(@"$RUN printf '[%s]' $'\xc3' '' $'\xed\xa0\x80' $'a\nb' -- --quiet $'\xf0\x9f\x98\x80'")]
    [InlineData(@"cd $(mktemp -d); echo found > $'n\xe9'; $RUN cat $'n\xe9'")]
    [InlineData(@"cd $(mktemp -d); cp /bin/echo $'\xe9'; $RUN ./$'\xe9' ran")]
    [InlineData(@"cd $(mktemp -d); mkdir $'\xe9'; cp /bin/echo $'\xe9/p'; PATH=$'\xe9'':/bin' $RUN p ran")]
    [InlineData(@"cd $(mktemp -d); echo 'echo ""$0 $1""' > $'s\xe9'; chmod +x $'s\xe9'; $RUN ./$'s\xe9' $'\xff'")]
    [InlineData(@"$RUN ./$'no\xe9'; $RUN env -- 2>&1 | grep -a -c PATH")]
    public async Task Run_WordsOfAnyBytes_ArriveAsTheyAre(string script) => await SameAsync($"({script}) 2>/dev/null{Bytes}");

    [Theory]
    [InlineData(@"env -i $ROOT A=$'\xe9' B= $'C\xff=1' $RUN env")]
    [InlineData(@"env -i $ROOT Z=1 A=2 M=3 $RUN env")]
    [InlineData(@"env -i $ROOT A=b=c DOTNET_EnableDiagnostics=1 LANG=C $RUN env")]
    [InlineData(@"env -i $ROOT DOTNET_EnableDiagnostics=0 $RUN env")]
    [InlineData(@"env -i $ROOT DOTNET_EnableWriteXorExecute=0 $RUN env")]
    [InlineData(@"echo nothing but:; env -i $ROOT $RUN /usr/bin/env")]
    [InlineData(
        @"python3 -c $'import os, sys; os.execve(sys.argv[1], sys.argv[1:], {b\'A\': b\'\xe9\', b\'no name \': b\'\', "
        + @"**{k: v for k, v in os.environb.items() if k == b\'DOTNET_ROOT\'}})' $RUN /usr/bin/env")]
    public async Task Run_Environment_ArrivesAsItIs(string script) => await SameAsync($"({script}){Bytes}");

    [Theory]
    [InlineData("env --block-signal=USR1 --ignore-signal=PIPE")]
    [InlineData("env --ignore-signal=TERM,CHLD,HUP,INT,QUIT")]
    [InlineData("env --ignore-signal=SEGV,BUS,FPE,ILL,ABRT,TRAP,CONT,WINCH,TSTP")]
    [InlineData("env --block-signal=TERM,INT,CHLD,SEGV,RTMIN+3 --ignore-signal=RTMIN+4,USR2")]
    [InlineData("env --default-signal")]
    public async Task Run_Signals_AreBlockedAndIgnoredAsByTheCaller(string caller) =>
        await SameAsync($"{caller} $RUN grep -E '^Sig(Blk|Ign|Cgt)' /proc/self/status");

    [Theory]
    [InlineData("")]
    [InlineData("setpriv --pdeathsig TERM")]
    [InlineData("setpriv --pdeathsig KILL")]
    public async Task Run_DeathSignal_IsTheCallers(string caller) => await SameAsync(
        $"{caller} $RUN python3 -c 'import ctypes; n = ctypes.c_int(); ctypes.CDLL(None).prctl(2, ctypes.byref(n)); print(n.value)'");

    [Theory]
    [InlineData("ulimit -c 0 -t 1000")]
    [InlineData("ulimit -Sc 10; ulimit -l 64; ulimit -Ss 4096; ulimit -q 1000")]
    [InlineData("ulimit -Sn 1024; ulimit -Hn 8192")]
    public async Task Run_Limits_AreTheCallers(string limits) =>
        await SameAsync(limits + @"; $RUN sed -E 's/(Max open files) +[0-9]+ +/\1 /' /proc/self/limits");

    [Theory]
    [InlineData("exec 7</dev/null 9>/dev/null; $RUN sh -c 'ls /proc/$$/fd'")]
    [InlineData("exec <&-; $RUN sh -c 'ls /proc/$$/fd'")]
    [InlineData("cd $(mktemp -d); mkfifo go; $RUN sh -c 'exec >&-; read x < go; exit 3' | { cat; echo x > go; }; echo ${PIPESTATUS[0]}")]
    [InlineData("cd $(mktemp -d); mkfifo go in; (cat in; echo x > go) & $RUN sh -c 'exec 7>&-; read x < go; exit 4' 7> in; echo $?")]
    [InlineData("cd $(mktemp -d); mkfifo go; (yes 2>&-; echo x > go) | $RUN sh -c 'exec <&-; read x < go; exit 5'; echo $?")]
    [InlineData("umask 027; $RUN sh -c umask")]
    [InlineData("nice -n 3 $RUN nice")]
    [InlineData("echo 500 > /proc/self/oom_score_adj; $RUN cat /proc/self/oom_score_adj")]
    [InlineData("echo 0x7 > /proc/self/coredump_filter; $RUN cat /proc/self/coredump_filter")]
    [InlineData("cd /usr/lib; $RUN pwd -P; $RUN grep -E '^(Cpus_all|Mems_all|Threads|TracerPid|Cap|Groups|Uid|Gid)' /proc/self/status")]
    public async Task Run_OtherThingsThatExecHandsOn_AreTheCallers(string script) => await SameAsync(script);

    // The runtime has its signals in threads of its own, and waits for children by SIGCHLD.
    [Theory]
    [InlineData("trap '' CHLD; $RUN echo hi; echo rc $?")]
    [InlineData("trap '' CHLD; $RUN sh -c 'exit 3'; echo rc $?")]
    [InlineData("exec 2>/dev/null; trap '' CHLD; $RUN sh -c 'kill -9 $$'; echo rc $?")]
    [InlineData("trap '' CHLD; $RUN sh -c 'sleep 1000 >/dev/null 2>&1 & exit 4'; echo rc $?")]
    [InlineData("trap '' CHLD; $RUN /no/such/program 2>/dev/null; echo rc $?")]
    [InlineData(
        "python3 -c 'import signal, os, sys; signal.signal(signal.SIGCHLD, signal.SIG_IGN); os.execvp(sys.argv[1], sys.argv[1:])' "
        + "$RUN sh -c 'exit 6'; echo rc $?")]
    public async Task Run_CallerIgnoresSigchld_EndsWithTheStatus(string script) => await SameAsync(script);

    // As root: there is something to gain then.
    [ForeignFact(ForeignTool.Compiler | ForeignTool.Root)]
    public async Task Run_SetUidProgramOfRoot_GainsWhatItGainsWithout()
    {
        string program = await programs.BuildAsync("set_uid");
        await SameAsync(
            $$"""
            chmod 755 {{programs.Folder}}; cd {{programs.Folder}}; umask 0
            cp set_uid su; chown root su; chmod 4755 su; $RUN {{program}} start ./su
            cp set_uid bin; chown bin bin; chmod 4755 bin; $RUN ./bin
            cp set_uid sg; chown 0:2 sg; chmod 2755 sg; $RUN ./sg
            cp set_uid cap; setcap cap_net_raw+ep cap 2>/dev/null; $RUN {{program}} start ./cap
            $RUN setpriv --reuid 65534 --regid 65534 --clear-groups --inh-caps=-all ./su
            """);
    }

    [ForeignFact(ForeignTool.Compiler | ForeignTool.Nobody)]
    public async Task Run_SetUidProgramOfAnOrdinaryUser_GainsNothing()
    {
        string program = await programs.BuildAsync("set_uid");
        string copy = Path.Combine(programs.Folder, "set_uid_nobody");
        File.Copy(program, copy, overwrite: true);
        File.SetUnixFileMode(copy, (UnixFileMode)0x9ed); // 04755
        File.SetUnixFileMode(programs.Folder, (UnixFileMode)0x1ed); // 0755

        (int exitCode, string output, string said) = await ChildProgram.RunAsync(
            "setpriv", ["--reuid", "65534", "--regid", "65534", "--clear-groups", Programs.Coco, "run", "--quiet", "--", copy]);

        Assert.True(exitCode == 0, said);
        Assert.Equal("uid 65534 euid 65534 no_new_privs 1\n", output);
    }

    private static async Task SameAsync(string script)
    {
        (string under, string without) = await Natively.BothAsync(script);

        Assert.Equal(without, under);
        Assert.NotEmpty(without);
    }
}
