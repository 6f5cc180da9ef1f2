// A gateway as Mosquitto's own client: user name, password, QoS 1, its messages kept until they are acknowledged.

import { spawn } from 'node:child_process';

const PATIENCE_MS = 60_000;

/**
 * Publishes each message and waits for its acknowledgement; fails with what the client said.
 *
 * @param {{port: number, name: string, credential: string}} gateway
 * @param {string[]} messages one MQTT message each
 * @returns {Promise<number>} how many PUBACKs the client saw
 */
export async function publish(gateway, messages) {
  const { port, name, credential } = gateway;
  const client = spawn('mosquitto_pub', [
    '-h', '127.0.0.1', '-p', port, '-V', 'mqttv311', '-i', name, '-u', name, '-P', credential, '-q', 1, '-l', '-d',
    '-t', 'tsunagari/v1/readings',
  ].map(String), { stdio: ['pipe', 'pipe', 'pipe'], timeout: PATIENCE_MS });
  let said = '';
  const hear = (chunk) => { said += chunk; };
  client.stdout.setEncoding('utf8').on('data', hear);
  client.stderr.setEncoding('utf8').on('data', hear);
  client.stdin.on('error', hear);
  client.stdin.end(`${messages.join('\n')}\n`);
  const code = await new Promise((resolve, reject) => client.once('error', reject).once('close', resolve));
  const acknowledged = said.match(/received PUBACK/g)?.length ?? 0;
  if (code !== 0 || acknowledged !== messages.length) {
    const without = said.replaceAll(credential, '…');
    throw new Error(`mosquitto_pub ended with ${code}, ${acknowledged} of ${messages.length} acknowledged\n${without}`);
  }
  return acknowledged;
}
