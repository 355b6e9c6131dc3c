using System.Buffers;
using System.Text;

namespace Grpc.Core;

/// <content>The entries.</content>
public sealed partial class Metadata
{
    /// <summary>One header or trailer. It does not change after it is made.</summary>
    public class Entry
    {
        private static readonly SearchValues<char> KeyCharacters = SearchValues.Create("abcdefghijklmnopqrstuvwxyz0123456789._-");

        private readonly string? _text;
        private readonly byte[]? _bytes;

        /// <summary>Makes an entry with text.</summary>
        /// <param name="key">Letters, digits and <c>. _ -</c>; made lower case; must not end in <see cref="BinaryHeaderSuffix"/>.</param>
        /// <param name="value">The text; ASCII is what is sent.</param>
        /// <exception cref="ArgumentException">The key breaks one of the rules.</exception>
        public Entry(string key, string value)
        {
            Key = Checked(key);
            ArgumentNullException.ThrowIfNull(value);
            if (IsBinary)
            {
                throw new ArgumentException($"The key '{key}' ends in {BinaryHeaderSuffix}: its value is bytes.", nameof(key));
            }

            _text = value;
        }

        /// <summary>Makes an entry with bytes.</summary>
        /// <param name="key">Letters, digits and <c>. _ -</c>; made lower case; must end in <see cref="BinaryHeaderSuffix"/>.</param>
        /// <param name="valueBytes">The bytes; they are copied.</param>
        /// <exception cref="ArgumentException">The key breaks one of the rules.</exception>
        public Entry(string key, byte[] valueBytes)
        {
            Key = Checked(key);
            ArgumentNullException.ThrowIfNull(valueBytes);
            if (!IsBinary)
            {
                throw new ArgumentException($"The key '{key}' lacks {BinaryHeaderSuffix} at its end: its value is text.", nameof(key));
            }

            _bytes = valueBytes.AsSpan().ToArray();
        }

        /// <summary>The key, in lower case.</summary>
        public string Key { get; }

        /// <summary>Whether the value is bytes, which the key alone says.</summary>
        public bool IsBinary => Key.EndsWith(BinaryHeaderSuffix, StringComparison.Ordinal);

        /// <summary>The text of an entry with text.</summary>
        /// <exception cref="InvalidOperationException">The value is bytes.</exception>
        public string Value => _text ?? throw new InvalidOperationException($"The value of '{Key}' is bytes, not text.");

        /// <summary>A copy of the bytes, or the text as ASCII.</summary>
        public byte[] ValueBytes => _bytes is null ? Encoding.ASCII.GetBytes(_text!) : _bytes.AsSpan().ToArray();

        /// <summary>Shows the entry; bytes are shown by their number only.</summary>
        /// <returns>One line.</returns>
        public override string ToString() =>
            _bytes is null ? $"[Entry: key={Key}, value={_text}]" : $"[Entry: key={Key}, {_bytes.Length} bytes]";

        internal bool HasKey(string key) => string.Equals(Key, key, StringComparison.OrdinalIgnoreCase);

        private static string Checked(string key)
        {
            ArgumentNullException.ThrowIfNull(key);
            string lower = key.ToLowerInvariant();
            return !lower.AsSpan().ContainsAnyExcept(KeyCharacters)
                ? lower
                : throw new ArgumentException($"'{key}' is not a key: use letters, digits and . _ - only.", nameof(key));
        }
    }
}
