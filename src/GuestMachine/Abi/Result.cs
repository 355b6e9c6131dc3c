using System.Diagnostics.CodeAnalysis;

namespace CocoGuest.Machine.Abi;

/// <summary>A value, or the <see cref="Failure"/> that kept it from being made. Costs nothing on success.</summary>
/// <typeparam name="T">Type of the value.</typeparam>
public readonly struct Result<T>
{
    private readonly T _value;

    private Result(T value, Failure? failure)
    {
        _value = value;
        Failure = failure;
    }

    /// <summary>The failure, or null on success.</summary>
    public Failure? Failure { get; }

    /// <summary>True when there is a value.</summary>
    [MemberNotNullWhen(false, nameof(Failure))]
    public bool Ok => Failure is null;

    /// <summary>The value. Reading it from a failed result is a programming error.</summary>
    public T Value => Failure is null ? _value : ThrowFailed();

    /// <summary>A successful result.</summary>
    public static implicit operator Result<T>(T value) => new(value, null);

    /// <summary>A failed result.</summary>
    public static implicit operator Result<T>(Failure failure) => new(default!, failure);

    [DoesNotReturn]
    private T ThrowFailed() =>
        throw new InvalidOperationException($"No value: {Failure!.Operation} failed at {Failure.Step} with {Failure.Errno}.");
}
