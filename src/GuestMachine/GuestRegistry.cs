using CocoGuest.Machine.Abi;
using CocoGuest.Machine.Profiles;

namespace CocoGuest.Machine;

/// <summary>The guests of a host, by name.</summary>
/// <param name="time">Clock for token expiry and guest time.</param>
/// <param name="secrets">Source of handles and tokens.</param>
/// <param name="observer">Told of what happens to guests; may be null.</param>
/// <param name="maxGuests">Most guests at a time.</param>
public sealed class GuestRegistry(TimeProvider time, ISecretSource secrets, IGuestObserver? observer = null, int maxGuests = 256)
    : IDisposable
{
    private readonly Lock _lock = new();
    private readonly Dictionary<string, Guest> _guests = new(StringComparer.Ordinal);

    /// <summary>Makes and boots a guest.</summary>
    /// <returns>EINVAL or EOPNOTSUPP for a wrong shape, EEXIST for a name in use, ENOSPC beyond the most guests, ENOMEM.</returns>
    public Result<Guest> Create(GuestShape shape)
    {
        Result<GuestShape> full = GuestShapeRules.Complete(shape);
        if (!full.Ok)
        {
            return full.Failure;
        }

        lock (_lock)
        {
            string name = full.Value.Name;
            if (_guests.ContainsKey(name))
            {
                return new Failure(Errno.EEXIST, "create_guest", "register name", $"There is a guest '{name}' already.", "name");
            }

            if (_guests.Count >= maxGuests)
            {
                return new Failure(Errno.ENOSPC, "create_guest", "check limit", $"There are {maxGuests} guests already (max-guests).");
            }

            Result<Guest> guest = Guest.Boot(full.Value, time, secrets, observer);
            if (guest.Ok)
            {
                _guests.Add(name, guest.Value);
                observer?.GuestCreated(guest.Value);
            }

            return guest;
        }
    }

    /// <summary>The guest with this name; empty: "default". ENOENT when there is none.</summary>
    public Result<Guest> Find(string name)
    {
        string wanted = name.Length == 0 ? GuestShape.DefaultName : name;
        lock (_lock)
        {
            return _guests.TryGetValue(wanted, out Guest? guest)
                ? guest
                : new Failure(Errno.ENOENT, "find_guest", "look up name",
                    $"There is no guest '{(wanted.Length <= 64 ? wanted : wanted[..64] + "…")}'.", "guest");
        }
    }

    /// <summary>The live process with this handle in any guest, or null.</summary>
    public Files.GuestProcess? FindProcess(Handle128 handle)
    {
        lock (_lock)
        {
            foreach (Guest guest in _guests.Values)
            {
                if (guest.Processes.Find(handle) is { } process)
                {
                    return process;
                }
            }

            return null;
        }
    }

    /// <summary>All guests, by name.</summary>
    public IReadOnlyList<Guest> List()
    {
        lock (_lock)
        {
            return [.. _guests.Values.OrderBy(g => g.Shape.Name, StringComparer.Ordinal)];
        }
    }

    /// <summary>Ends a guest: its processes die, its memory goes, holders of its fds read zeros. ENOENT when there is none.</summary>
    public Failure? Destroy(string name)
    {
        Result<Guest> guest;
        lock (_lock)
        {
            // In one step: a second call must not take out a new guest of that name.
            guest = Find(name);
            if (!guest.Ok)
            {
                return guest.Failure;
            }

            _guests.Remove(guest.Value.Shape.Name);
        }

        guest.Value.Dispose();
        return null;
    }

    /// <summary>Ends all guests.</summary>
    public void Dispose()
    {
        foreach (Guest guest in List())
        {
            Destroy(guest.Shape.Name);
        }
    }
}
