using System.IO.Pipelines;
using CocoGuest.Machine.Abi;
using CocoGuest.Service.Errors;
using Microsoft.AspNetCore.Connections;

namespace CocoGuest.Service.Budgets;

/// <summary>
/// What clients may make the server hold and do at a time: connections where they come in, and calls before their requests are read.
/// </summary>
internal sealed class CallBudget(ConnectionBudget connections, AnswerRoom answers, TimeProvider time)
{
    private static readonly Failure NoConnection = new(Errno.EMFILE, "connect", "check limit",
        "The server has as many connections as it may have (max-connections); try again later.");

    private long _reset;

    /// <summary>Connections that were ended because their client gave up too many calls.</summary>
    public long Reset => Interlocked.Read(ref _reset);

    /// <summary>Counts the connections of a listener.</summary>
    public void Use(IConnectionBuilder listener, bool overTcp) => listener.Use(next => async connection =>
    {
        ClientConnection? client = connections.Enter(connection, overTcp);
        if (client is null)
        {
            connection.Abort(new ConnectionAbortedException("There are too many connections."));
            return;
        }

        connection.Features.Set(client);
        try
        {
            await next(connection);
        }
        finally
        {
            connections.Leave(client);
        }
    });

    /// <summary>Gives calls their turn, in front of everything that reads them.</summary>
    public void Use(IApplicationBuilder app) => app.Use(next => http =>
        http.Features.Get<ClientConnection>() is { } client ? ServeAsync(next, http, client) : next(http));

    private async Task ServeAsync(RequestDelegate next, HttpContext http, ClientConnection client)
    {
        if (client.Refused)
        {
            await GrpcErrors.Refuse(http, NoConnection);
            client.Close();
            return;
        }

        connections.Use(client);
        try
        {
            await ByKindAsync(next, http, client);
        }
        catch (OperationCanceledException) when (http.RequestAborted.IsCancellationRequested)
        {
            // Given up while it waited for its turn: nobody is left to be told.
        }
        finally
        {
            client.End();
            if (client.Resets.IsTooMany(http.RequestAborted.IsCancellationRequested, time.GetTimestamp(), time.TimestampFrequency))
            {
                Interlocked.Increment(ref _reset);
                client.Abort("The client gives up calls faster than they can be refused.");
            }
        }
    }

    private async Task ByKindAsync(RequestDelegate next, HttpContext http, ClientConnection client)
    {
        CallKind kind = CallKinds.Of(http.Request.Path.Value ?? "");
        if (kind is CallKind.Waiting or CallKind.Upload)
        {
            await next(http);
            return;
        }

        await client.Turns.WaitAsync(http.RequestAborted);
        try
        {
            if (kind == CallKind.Short)
            {
                await next(http);
                return;
            }

            await answers.TakeAsync(client, http.RequestAborted);
            try
            {
                http.RequestAborted.ThrowIfCancellationRequested();
                await next(http);
                await LeaveAsync(http.Response.BodyWriter, http.RequestAborted);
            }
            finally
            {
                answers.Give(client);
            }
        }
        finally
        {
            client.Turns.Release();
        }
    }

    // A unary answer is written and left to Kestrel, which holds it until the client takes it: the call is over long before. A refusal has
    // no body, and would lose its shape.
    private static async ValueTask LeaveAsync(PipeWriter answer, CancellationToken end)
    {
        if (answer.CanGetUnflushedBytes && answer.UnflushedBytes > 0)
        {
            await answer.FlushAsync(end);
        }
    }
}
