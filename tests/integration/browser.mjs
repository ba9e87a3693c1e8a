// Debian's Chromium, driven by playwright-core: one browser for a test file, a page for each test.
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';

import { chromium } from 'playwright-core';

import { build } from './harness.mjs';

const ARGUMENTS = [
  '--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-component-update',
  '--disable-default-apps', '--disable-dev-shm-usage', '--disable-extensions', '--disable-sync',
  '--metrics-recording-only', '--mute-audio', '--no-first-run', '--no-default-browser-check',
];

// Screenshots are kept here; two of them are docs/images/.
export const shots = path.join(build, 'screenshots');

// A page on `url` in a browser of its own, which ends with the test. page.problems collects errors
// of the console, exceptions and requests to anywhere else.
export async function browse(t, url, options = {}) {
  const profile = await mkdtemp(path.join(os.tmpdir(), 'browser-'));
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    headless: true, args: ARGUMENTS, viewport: { width: 1200, height: 900 }, ...options,
  });
  t.after(async () => {
    await context.close();
    await rm(profile, { recursive: true, force: true });
  });
  const page = context.pages()[0] ?? await context.newPage();
  const home = new URL(url).origin;
  page.problems = [];
  // What the network does is for the test to judge by what the page says of it.
  const network = /^Failed to load resource/;
  page.on('console', (m) => m.type() === 'error' && !network.test(m.text()) && page.problems.push(m.text()));
  page.on('pageerror', (error) => page.problems.push(error.stack));
  page.on('request', (r) => new URL(r.url()).origin !== home && page.problems.push(`request to ${r.url()}`));
  await page.goto(url);
  return page;
}

// The whole page; height: its upper part only.
export async function screenshot(page, name, height) {
  await mkdir(shots, { recursive: true });
  const { width } = page.viewportSize();
  return page.screenshot({
    path: path.join(shots, `${name}.png`), fullPage: true, animations: 'disabled',
    ...(height && { clip: { x: 0, y: 0, width, height } }),
  });
}
