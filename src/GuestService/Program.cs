using CocoGuest.Service.Hosting;

return await ServerProgram.RunAsync(args, Environment.GetEnvironmentVariables(), Console.Out, Console.Error);
