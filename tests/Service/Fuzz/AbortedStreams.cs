using System.Net;
using System.Net.Http.Headers;

namespace CocoGuest.Tests.Service.Fuzz;

/// <summary>
/// A transport whose answers never come: a read ends as HttpClient ends it when the stream is taken down under it,
/// at once or when the call is cancelled.
/// </summary>
internal sealed class AbortedStreams(bool onlyWhenCancelled) : HttpMessageHandler
{
    protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        var content = new StreamContent(new Body(onlyWhenCancelled));
        content.Headers.ContentType = new MediaTypeHeaderValue("application/grpc");
        return Task.FromResult(new HttpResponseMessage(HttpStatusCode.OK)
        {
            Content = content,
            Version = HttpVersion.Version20,
            RequestMessage = request,
        });
    }

    private sealed class Body(bool onlyWhenCancelled) : Stream
    {
        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => false;

        public override long Length => throw new NotSupportedException();

        public override long Position
        {
            get => throw new NotSupportedException();
            set => throw new NotSupportedException();
        }

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            if (onlyWhenCancelled)
            {
                var cancelled = new TaskCompletionSource();
                await using CancellationTokenRegistration registration = cancellationToken.Register(cancelled.SetResult);
                await cancelled.Task;
            }

            throw new IOException("The request was aborted.");
        }

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override void Flush()
        {
        }

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    }
}
