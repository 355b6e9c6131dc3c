#!/usr/bin/env node
// Checks the demo's picture with nothing of CocoGuest: an own PNG reader and an own convolution.
//
//   node picture.js sharpened INPUT.png OUTPUT.png      OUTPUT is INPUT convolved with 0 -1 0 / -1 5 -1 / 0 -1 0, edges replicated, clamped
//   node picture.js black OUTPUT.png                    every pixel of OUTPUT is black
//
// Prints one line of JSON: {"width","height","differing","first"}; alpha of the input does not count, the output has none.
'use strict';

const fs = require('fs');
const zlib = require('zlib');

const channelsOf = { 2: 3, 3: 1, 6: 4 };

// An 8-bit RGB, RGBA or palette picture as { width, height, rgb }.
function readPng(path) {
  const file = fs.readFileSync(path);
  if (file.readBigUInt64BE(0) !== 0x89504e470d0a1a0an) throw new Error(`${path} is no PNG file`);
  const data = [];
  let header;
  let palette;
  for (let at = 8; at < file.length;) {
    const length = file.readUInt32BE(at);
    const type = file.toString('latin1', at + 4, at + 8);
    const body = file.subarray(at + 8, at + 8 + length);
    if (zlib.crc32 && zlib.crc32(file.subarray(at + 4, at + 8 + length)) !== file.readUInt32BE(at + 8 + length)) {
      throw new Error(`${path}: the checksum of ${type} is wrong`);
    }
    if (type === 'IHDR') header = body;
    if (type === 'PLTE') palette = body;
    if (type === 'IDAT') data.push(body);
    at += 12 + length;
  }
  const [width, height] = [header.readUInt32BE(0), header.readUInt32BE(4)];
  const [depth, colour, , , interlace] = header.subarray(8);
  const channels = channelsOf[colour];
  if (depth !== 8 || !channels || interlace) throw new Error(`${path}: depth ${depth}, colour type ${colour}, interlace ${interlace}`);

  const raw = zlib.inflateSync(Buffer.concat(data));
  const pitch = width * channels;
  if (raw.length !== (pitch + 1) * height) throw new Error(`${path} has ${raw.length} bytes of pixels`);
  const pixels = new Uint8Array(pitch * height);
  for (let y = 0; y < height; y++) {
    const filter = raw[y * (pitch + 1)];
    for (let x = 0; x < pitch; x++) {
      const at = y * pitch + x;
      const left = x >= channels ? pixels[at - channels] : 0;
      const up = y > 0 ? pixels[at - pitch] : 0;
      const corner = x >= channels && y > 0 ? pixels[at - pitch - channels] : 0;
      let predicted = 0;
      if (filter === 1) predicted = left;
      if (filter === 2) predicted = up;
      if (filter === 3) predicted = (left + up) >> 1;
      if (filter === 4) {
        const [byLeft, byUp, byCorner] = [Math.abs(up - corner), Math.abs(left - corner), Math.abs(left + up - 2 * corner)];
        predicted = byLeft <= byUp && byLeft <= byCorner ? left : byUp <= byCorner ? up : corner;
      }
      pixels[at] = raw[y * (pitch + 1) + 1 + x] + predicted;
    }
  }

  const rgb = new Uint8Array(width * height * 3);
  for (let p = 0; p < width * height; p++) {
    for (let c = 0; c < 3; c++) rgb[p * 3 + c] = colour === 3 ? palette[pixels[p] * 3 + c] : pixels[p * channels + c];
  }
  return { width, height, rgb };
}

function sharpen({ width, height, rgb }) {
  const result = new Uint8ClampedArray(rgb.length);
  const at = (x, y, c) => rgb[(Math.min(Math.max(y, 0), height - 1) * width + Math.min(Math.max(x, 0), width - 1)) * 3 + c];
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      for (let c = 0; c < 3; c++) {
        result[(y * width + x) * 3 + c] = 5 * at(x, y, c) - at(x - 1, y, c) - at(x + 1, y, c) - at(x, y - 1, c) - at(x, y + 1, c);
      }
    }
  }
  return result;
}

const [mode, ...files] = process.argv.slice(2);
const output = readPng(files[files.length - 1]);
const input = mode === 'sharpened' ? readPng(files[0]) : { ...output, rgb: new Uint8Array(output.rgb.length) };
if (input.width !== output.width || input.height !== output.height) throw new Error('the pictures have different sizes');
const wanted = mode === 'sharpened' ? sharpen(input) : input.rgb;
let differing = 0;
let first = null;
for (let p = 0; p < output.width * output.height; p++) {
  if ([0, 1, 2].every((c) => wanted[p * 3 + c] === output.rgb[p * 3 + c])) continue;
  differing++;
  first ??= {
    x: p % output.width, y: Math.floor(p / output.width),
    wanted: [...wanted.subarray(p * 3, p * 3 + 3)], got: [...output.rgb.subarray(p * 3, p * 3 + 3)],
  };
}
console.log(JSON.stringify({ width: output.width, height: output.height, differing, first }));
