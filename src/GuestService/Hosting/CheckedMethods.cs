using System.Reflection;
using CocoGuest.Machine.Abi;
using CocoGuest.Service.Access;
using CocoGuest.Service.Errors;
using Google.Protobuf;
using Grpc.AspNetCore.Server.Model;
using Grpc.Core;

namespace CocoGuest.Service.Hosting;

/// <summary>
/// Tells the gRPC library which methods a service has, as its own provider does, but with requests whose bytes are no message of their type
/// answered by EINVAL. The library takes the parser's exception for one of the handler: UNKNOWN, and an error with a stack trace in the log
/// for whatever bytes anybody sends. A stream of a package's service ends in silence once its client has gone: health and reflection go on
/// writing and reading then, and the library logs that as an error of the server's. Requests of our own services pass the gate a second
/// time here, with their fields, and answers lose what their caller may not know.
/// </summary>
/// <param name="gate">Who may say what.</param>
/// <typeparam name="TService">Type that carries the calls out.</typeparam>
internal sealed class CheckedMethods<TService>(AccessGate gate) : IServiceMethodProvider<TService>
    where TService : class
{
    private static readonly bool OfPackage = typeof(TService).Assembly != typeof(CheckedMethods<>).Assembly;

    /// <inheritdoc/>
    public void OnServiceMethodDiscovery(ServiceMethodProviderContext<TService> context)
    {
        for (Type? type = typeof(TService).BaseType; type is not null; type = type.BaseType)
        {
            if (type.GetCustomAttribute<BindServiceMethodAttribute>() is { } bind)
            {
                // Without an instance it binds names and types; the library makes the instance call by call.
                bind.BindType.GetMethod(bind.BindMethodName, [typeof(ServiceBinderBase), type])!
                    .Invoke(null, [new Binder(context, gate), null]);
                return;
            }
        }

        throw new InvalidOperationException($"{typeof(TService)} is no gRPC service.");
    }

    private sealed class Binder(ServiceMethodProviderContext<TService> context, AccessGate gate) : ServiceBinderBase
    {
        public override void AddMethod<TRequest, TResponse>(
            Method<TRequest, TResponse> method, UnaryServerMethod<TRequest, TResponse>? handler) =>
            context.AddUnaryMethod(Checked(method), Metadata(method, typeof(TRequest), typeof(ServerCallContext)),
                Guarded(CallOf<UnaryServerMethod<TService, TRequest, TResponse>>(method, typeof(TRequest), typeof(ServerCallContext))));

        public override void AddMethod<TRequest, TResponse>(
            Method<TRequest, TResponse> method, ServerStreamingServerMethod<TRequest, TResponse>? handler) =>
            context.AddServerStreamingMethod(
                Checked(method), Metadata(method, typeof(TRequest), typeof(IServerStreamWriter<TResponse>), typeof(ServerCallContext)),
                Guarded(UntilGone(CallOf<ServerStreamingServerMethod<TService, TRequest, TResponse>>(
                    method, typeof(TRequest), typeof(IServerStreamWriter<TResponse>), typeof(ServerCallContext)))));

        public override void AddMethod<TRequest, TResponse>(
            Method<TRequest, TResponse> method, ClientStreamingServerMethod<TRequest, TResponse>? handler) =>
            context.AddClientStreamingMethod(
                Checked(method), Metadata(method, typeof(IAsyncStreamReader<TRequest>), typeof(ServerCallContext)),
                Guarded(CallOf<ClientStreamingServerMethod<TService, TRequest, TResponse>>(
                    method, typeof(IAsyncStreamReader<TRequest>), typeof(ServerCallContext))));

        public override void AddMethod<TRequest, TResponse>(
            Method<TRequest, TResponse> method, DuplexStreamingServerMethod<TRequest, TResponse>? handler)
        {
            Type[] parameters = [typeof(IAsyncStreamReader<TRequest>), typeof(IServerStreamWriter<TResponse>), typeof(ServerCallContext)];
            context.AddDuplexStreamingMethod(Checked(method), Metadata(method, parameters),
                Guarded(UntilGone(CallOf<DuplexStreamingServerMethod<TService, TRequest, TResponse>>(method, parameters))));
        }

        private static Method<TRequest, TResponse> Checked<TRequest, TResponse>(Method<TRequest, TResponse> method)
            where TRequest : class
            where TResponse : class
        {
            Marshaller<TRequest> marshaller = method.RequestMarshaller;
            return new Method<TRequest, TResponse>(
                method.Type, method.ServiceName, method.Name,
                Marshallers.Create(marshaller.ContextualSerializer, bytes => Parse(marshaller, bytes, method.Name)),
                method.ResponseMarshaller);
        }

        private static TRequest Parse<TRequest>(Marshaller<TRequest> marshaller, DeserializationContext bytes, string name)
        {
            try
            {
                return marshaller.ContextualDeserializer(bytes);
            }
            catch (InvalidProtocolBufferException e)
            {
                GrpcErrors.Throw(new Failure(Errno.EINVAL, "parse_request", "parse protobuf",
                    $"The bytes are no request of {name}: {e.Message}"));
                return default!;
            }
        }

        private UnaryServerMethod<TService, TRequest, TResponse> Guarded<TRequest, TResponse>(
            UnaryServerMethod<TService, TRequest, TResponse> call)
            where TRequest : class
            where TResponse : class => OfPackage ? call : (service, request, context) =>
            {
                HttpContext http = context.GetHttpContext();
                gate.Refusal(request, http).ThrowIfFailed();
                Task<TResponse> answer = call(service, request, context);
                return FieldRights.Of<TResponse>().None ? answer : ClearedAsync(answer, http);
            };

        private ServerStreamingServerMethod<TService, TRequest, TResponse> Guarded<TRequest, TResponse>(
            ServerStreamingServerMethod<TService, TRequest, TResponse> call)
            where TRequest : class
            where TResponse : class => OfPackage ? call : (service, request, writer, context) =>
            {
                gate.Refusal(request, context.GetHttpContext()).ThrowIfFailed();
                return call(service, request, writer, context);
            };

        private ClientStreamingServerMethod<TService, TRequest, TResponse> Guarded<TRequest, TResponse>(
            ClientStreamingServerMethod<TService, TRequest, TResponse> call)
            where TRequest : class
            where TResponse : class => OfPackage ? call : (service, reader, context) =>
                call(service, new GuardedRequests<TRequest>(reader, gate, context), context);

        private DuplexStreamingServerMethod<TService, TRequest, TResponse> Guarded<TRequest, TResponse>(
            DuplexStreamingServerMethod<TService, TRequest, TResponse> call)
            where TRequest : class
            where TResponse : class => OfPackage ? call : (service, reader, writer, context) =>
                call(service, new GuardedRequests<TRequest>(reader, gate, context), writer, context);

        private async Task<TResponse> ClearedAsync<TResponse>(Task<TResponse> answer, HttpContext http)
            where TResponse : class => gate.Cleared(await answer, http);

        private static ServerStreamingServerMethod<TService, TRequest, TResponse> UntilGone<TRequest, TResponse>(
            ServerStreamingServerMethod<TService, TRequest, TResponse> call)
            where TRequest : class
            where TResponse : class =>
            OfPackage ? (service, request, writer, context) => UntilGoneAsync(call(service, request, writer, context), context) : call;

        private static DuplexStreamingServerMethod<TService, TRequest, TResponse> UntilGone<TRequest, TResponse>(
            DuplexStreamingServerMethod<TService, TRequest, TResponse> call)
            where TRequest : class
            where TResponse : class =>
            OfPackage ? (service, reader, writer, context) => UntilGoneAsync(call(service, reader, writer, context), context) : call;

        private static async Task UntilGoneAsync(Task call, ServerCallContext context)
        {
            try
            {
                await call;
            }
            catch (Exception) when (context.CancellationToken.IsCancellationRequested)
            {
                // Nobody is left to be told.
            }
        }

        private static TDelegate CallOf<TDelegate>(IMethod method, params Type[] parameters)
            where TDelegate : Delegate => Find(method, parameters).CreateDelegate<TDelegate>();

        // What the library's own provider gives: attributes of the class, then of the method.
        private static List<object> Metadata(IMethod method, params Type[] parameters) =>
            [.. typeof(TService).GetCustomAttributes(inherit: true), .. Find(method, parameters).GetCustomAttributes(inherit: true)];

        private static MethodInfo Find(IMethod method, Type[] parameters) =>
            typeof(TService).GetMethod(method.Name, parameters)
            ?? throw new InvalidOperationException($"{typeof(TService)} has no {method.Name}.");
    }
}
