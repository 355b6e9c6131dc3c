using CocoGuest.Linux.Processes;
using CocoGuest.Service.Hosting;

// The bytes of guests that pass through the server would stand in a core file, and in /proc/PID/mem for every program of this user.
CoreDump.Forbid();
return await ServerProgram.RunAsync(args, Environment.GetEnvironmentVariables(), Console.Out, Console.Error);
