#!/usr/bin/env node
// A CocoGuest client for Node.js, with nothing of CocoGuest's own libraries: @grpc/grpc-js reads the .proto files as they are.
//
//   npm install                                          (in this folder; or set NODE_PATH to a node_modules folder)
//   node client.js walk unix:/tmp/cocoguest-0/cocoguest.sock
//   node client.js walk 127.0.0.1:7070
//   node client.js watch 127.0.0.1:7070                  (waits until the server dies)
//
// `walk` takes a buffer through its life and prints one line of JSON: what each step saw.
//
// Node.js cannot receive a file descriptor over a Unix socket (no SCM_RIGHTS), so this client never redeems an fd token: its CPU
// uses Load and Store, its device is MEDIATED and uses DmaRead and DmaWrite. Both see exactly what a CPU and a device would see;
// only the bytes go through the server. coco_client.py, next door, shows real shared memory.
'use strict';

const path = require('path');
const grpc = require('@grpc/grpc-js');
const loader = require('@grpc/proto-loader');
const protobuf = require('protobufjs');

const protos = path.resolve(__dirname, '../../../../protos');
const definition = loader.loadSync(
  ['guest', 'device', 'host'].map((name) => `cocoguest/v1/${name}_service.proto`),
  { includeDirs: [protos], longs: String, enums: String, defaults: true });
const v1 = grpc.loadPackageDefinition(definition).cocoguest.v1;

// google.rpc.ErrorInfo, for the errno of a failed call.
const details = new protobuf.Root();
details.resolvePath = (_, file) => (protobuf.common.get(file) ? file : path.join(protos, file));
details.loadSync(['google/rpc/status.proto', 'google/rpc/error_details.proto']);

// A client whose calls are promises.
function connect(Service, target) {
  const client = new Service(target, grpc.credentials.createInsecure());
  return new Proxy(client, {
    get: (_, method) => (typeof client[method] !== 'function' || client[method].responseStream || method === 'close'
      ? client[method]?.bind(client)
      : (request) => new Promise((done, failed) => client[method](request, (error, answer) => (error ? failed(error) : done(answer))))),
  });
}

function errorInfo(error) {
  const [bytes] = error.metadata.get('grpc-status-details-bin');
  const info = bytes === undefined
    ? { reason: null, metadata: {} }
    : details.lookupType('google.rpc.ErrorInfo').decode(details.lookupType('google.rpc.Status').decode(bytes).details[0].value);
  return { reason: info.reason, code: grpc.status[error.code], sentence: error.details, ...info.metadata };
}

async function refusal(call) {
  try {
    await call;
    return null;
  } catch (error) {
    return errorInfo(error);
  }
}

// A process of the guest. Its OpenProcess stream is its life; `ended` settles when the stream does.
async function openProcess(target, name) {
  const guest = connect(v1.GuestService, target);
  const device = connect(v1.DeviceService, target);
  const stream = guest.OpenProcess({ name });
  const ended = new Promise((done) => {
    stream.on('end', () => done({ code: 'OK', details: 'the server ended the stream' }));
    stream.on('error', (error) => done({ code: grpc.status[error.code], details: error.details }));
  });
  const opened = await new Promise((done, failed) => {
    stream.once('data', (message) => done(message.opened)); // Always the first message.
    stream.once('error', failed);
  });
  stream.on('data', () => {}); // Later messages tell of revoked memory; a client without mappings need not care.
  return { guest, device, ended, on: { process: opened.process } };
}

async function walk(target) {
  const seen = { target: target.split(':')[0] };
  const { guest, device, ended, on } = await openProcess(target, 'node');
  await device.RegisterDevice({ name: 'node0', kind: 'rdma', mode: 'MEDIATED', ...on });

  // Shared memory: the device reaches the buffer's own pages.
  const shared = await guest.AllocateBuffer({ heap: 'system_cc_shared', len: 65536, ...on });
  seen.size = Number(shared.size);
  seen.host_visible = shared.hostVisible;
  const mapped = await guest.Mmap({ fd: shared.fd, ...on });
  await guest.Store({ address: mapped.address, data: Buffer.from('written by CPU  '), ...on });
  const attached = await guest.Attach({ fd: shared.fd, device: 'node0', ...on });
  const dma = await guest.MapDmaBuf({ attachment: attached.attachment, direction: 'DMA_BIDIRECTIONAL', ...on });
  seen.bounced = dma.bounced;
  seen.device_fd_token = dma.fdToken; // Empty: a mediated device has no memory of its own.
  const at = (segment, offset) => (BigInt(segment.dmaAddress) + BigInt(offset)).toString();
  const read = async (map, offset) =>
    (await device.DmaRead({ device: 'node0', dmaAddress: at(map.segments[0], offset), length: 16, ...on })).data.toString();
  const write = (map, offset, text) =>
    device.DmaWrite({ device: 'node0', dmaAddress: at(map.segments[0], offset), data: Buffer.from(text), ...on });
  const load = async (mapping, offset) =>
    (await guest.Load({ address: (BigInt(mapping.address) + BigInt(offset)).toString(), length: 16, ...on })).data.toString();
  seen.dma_read = await read(dma, 0);
  await write(dma, 4096, 'written by DMA  ');
  seen.after_dma_write = await load(mapped, 4096);
  seen.early_detach = await refusal(guest.Detach({ attachment: attached.attachment, ...on }));
  await guest.UnmapDmaBuf({ attachment: attached.attachment, ...on });
  await guest.Detach({ attachment: attached.attachment, ...on });
  await guest.Munmap({ address: mapped.address, ...on });
  await guest.Release({ fd: shared.fd, ...on });

  // Private memory: the device gets a snapshot in swiotlb's bounce slots, and only a sync moves bytes between the two.
  const secret = await guest.AllocateBuffer({ heap: 'system', len: 4096, ...on });
  const private_ = await guest.Mmap({ fd: secret.fd, ...on });
  seen.private_fd_token = private_.fdToken; // Empty: private memory never leaves the server.
  await guest.Store({ address: private_.address, data: Buffer.from('before the map  '), ...on });
  const importer = await guest.Attach({ fd: secret.fd, device: 'node0', ...on });
  const bounce = await guest.MapDmaBuf({ attachment: importer.attachment, direction: 'DMA_BIDIRECTIONAL', ...on });
  seen.private_bounced = bounce.bounced;
  await guest.Store({ address: private_.address, data: Buffer.from('after the map   '), ...on });
  seen.stale_read = await read(bounce, 0);
  await guest.SyncBuffer({ fd: secret.fd, flags: 2 | 4, ...on }); // DMA_BUF_SYNC_WRITE | DMA_BUF_SYNC_END: to the device
  seen.synced_read = await read(bounce, 0);
  await write(bounce, 0, 'by the device   ');
  seen.stale_load = await load(private_, 0);
  await guest.SyncBuffer({ fd: secret.fd, flags: 1 | 0, ...on }); // DMA_BUF_SYNC_READ | DMA_BUF_SYNC_START: to the CPU
  seen.synced_load = await load(private_, 0);
  await guest.UnmapDmaBuf({ attachment: importer.attachment, ...on });
  await guest.Detach({ attachment: importer.attachment, ...on });
  await guest.Munmap({ address: private_.address, ...on });
  await guest.Release({ fd: secret.fd, ...on });
  seen.stat_of_closed_fd = await refusal(guest.StatBuffer({ fd: secret.fd, ...on }));

  await device.UnregisterDevice({ device: 'node0', ...on });
  await guest.ExitProcess({ process: on.process });
  seen.stream_end = (await ended).code;
  guest.close();
  device.close();
  console.log(JSON.stringify(seen));
}

// Holds a buffer until the server is gone, and says how it learned of it.
async function watch(target) {
  const { guest, ended, on } = await openProcess(target, 'node-watch');
  const buffer = await guest.AllocateBuffer({ heap: 'system_cc_shared', len: 65536, ...on });
  console.log('ready');
  const { code, details: sentence } = await ended;
  const next = await refusal(guest.StatBuffer({ fd: buffer.fd, ...on }));
  console.log(JSON.stringify({ code, sentence, next_call: next.code }));
  process.exit(0);
}

const [mode, target] = process.argv.slice(2);
({ walk, watch })[mode](target).catch((error) => {
  console.error(error);
  process.exit(1);
});
