using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Fences;
using CocoGuest.Machine.Memory.Store;

namespace CocoGuest.Service.Control;

/// <summary>What becomes of a request: a body, or a failure; perhaps memory to hand out, perhaps a wait before any of it holds.</summary>
internal sealed class ControlReply
{
    private const int OperationBytes = 48;
    private const int StepBytes = 64;
    private const int FieldBytes = 32;
    private const int SentenceBytes = 256;

    /// <summary>The answer to a request that is not one: it is the connection's last.</summary>
    public static ControlReply Malformed { get; } =
        new Failure(Errno.EINVAL, "parse_request", "check frame", "The bytes are no request of the control protocol.");

    /// <summary>The body; null for a failure.</summary>
    public ControlBody? Body { get; private init; }

    /// <summary>Why it did not happen.</summary>
    public Failure? Failure { get; private init; }

    /// <summary>Memory whose fd goes with the answer.</summary>
    public VisibleBacking? Backing { get; init; }

    /// <summary>Takes the operation back when the fd cannot be opened.</summary>
    public Action? Undo { get; init; }

    /// <summary>Fences to wait for before the answer; a failed wait is the answer then.</summary>
    public FenceWait? Wait { get; init; }

    /// <summary>Done, with nothing to tell.</summary>
    public static ControlReply Done() => new ControlBody(0);

    /// <summary>Done, unless there is a failure.</summary>
    public static ControlReply Of(Failure? failure) => failure is null ? Done() : failure;

    /// <summary>A body with memory.</summary>
    public static ControlReply With(ControlBody body, VisibleBacking? backing, Action undo, FenceWait? wait = null) =>
        new() { Body = body, Backing = backing, Undo = undo, Wait = wait };

    /// <summary>A body after a wait.</summary>
    public static ControlReply After(FenceWait? wait, ControlBody body) => new() { Body = body, Wait = wait };

    /// <summary>Done.</summary>
    public static implicit operator ControlReply(ControlBody body) => new() { Body = body };

    /// <summary>Not done.</summary>
    public static implicit operator ControlReply(Failure failure) => new() { Failure = failure };

    /// <summary>The answer's bytes.</summary>
    public byte[] ToFrame(ControlHeader request) => Failure is null
        ? Body!.ToFrame(request, Errno.None)
        : new ControlBody(OperationBytes + StepBytes + FieldBytes + SentenceBytes)
            .Text(Failure.Operation, OperationBytes).Text(Failure.Step, StepBytes)
            .Text(Failure.Field ?? "", FieldBytes).Text(Failure.Sentence, SentenceBytes)
            .ToFrame(request, Failure.Errno);
}
