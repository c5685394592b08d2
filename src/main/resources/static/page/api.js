// The public API: what the page can do, curl can do.

const BASE = new URL('api/v1/', document.baseURI);

const TIMEOUT = 30_000;

/** A problem that the service answers with (RFC 9457). */
export class Problem extends Error {

	get needsSignIn() {
		return this.status === 401;
	}

	constructor(status, members) {
		super(members.detail ?? members.title ?? `The service answered with status ${status}.`);
		this.status = status;
		this.title = members.title ?? 'It did not work';
		this.errors = members.errors ?? [];
	}

}

/** The service did not answer. */
export class Unreachable extends Error {

	constructor() {
		super('The service does not answer. What was asked for may have happened all the same: look again when it is back.');
		this.title = 'No answer';
		this.errors = [];
	}

}

// Credentials are kept until the page is closed, in memory only.
let authorization = null;

const identified = (headers) => authorization ? { ...headers, Authorization: authorization } : headers;

async function send(method, path, { body, headers = {} } = {}) {
	let answer;
	let said;
	try {
		answer = await fetch(new URL(path, BASE), {
			method,
			headers: identified(body ? { 'Content-Type': method === 'PATCH' ? 'application/merge-patch+json' : 'application/json', ...headers } : headers),
			body: body ? JSON.stringify(body) : undefined,
			signal: AbortSignal.timeout(TIMEOUT)
		});
		said = await answer.text();
	}
	catch {
		throw new Unreachable();
	}
	return checked(answer, said);
}

function checked(answer, said) {
	let content = null;
	try {
		content = said ? JSON.parse(said) : null;
	}
	catch {
		// A proxy has answered instead of the service.
		content = answer.ok ? {} : { detail: `There is something between this page and the service that answers with status ${answer.status}.` };
	}
	if (!answer.ok) {
		throw new Problem(answer.status, content ?? {});
	}
	return { status: answer.status, headers: answer.headers, content };
}

const at = (...names) => names.map((name) => encodeURIComponent(name)).join('/');

/** Opens the stream of events. */
export async function events(signal) {
	let answer;
	try {
		answer = await fetch(new URL('events', BASE), { headers: identified({ Accept: 'text/event-stream' }), cache: 'no-store', signal });
	}
	catch {
		throw new Unreachable();
	}
	if (!answer.ok) {
		checked(answer, await answer.text());
	}
	return answer;
}

/**
 * Signs in, if the service accepts the credentials.
 *
 * @param name a name, or nothing when the secret is a token
 */
export async function signIn(name, secret) {
	const before = authorization;
	const utf8 = String.fromCharCode(...new TextEncoder().encode(`${name}:${secret}`));
	authorization = name ? `Basic ${btoa(utf8)}` : `Bearer ${secret}`;
	try {
		await send('GET', 'machines');
	}
	catch (failure) {
		authorization = before;
		throw failure;
	}
}

export function signOut() {
	authorization = null;
}

export const machines = async () => (await send('GET', 'machines')).content;

export const activity = async () => (await send('GET', 'activity')).content;

export const attachable = async (machine) => (await send('GET', at('machines', machine, 'attachable'))).content;

export async function ofAll(what) {
	const { headers, content } = await send('GET', what);
	const unavailable = (headers.get('Iothreads-Unavailable') ?? '').split(', ').filter((name) => name);
	// When not all names fit into the header, it ends with the number of the others.
	return { items: content, unavailable, andMore: unavailable.some((name) => name.startsWith('and ')) };
}

export async function iothread(machine, id) {
	const { headers, content } = await send('GET', at('machines', machine, 'iothreads', id));
	return { content, tag: headers.get('ETag') };
}

export const addIOThread = (machine, body) => send('POST', at('machines', machine, 'iothreads'), { body });

export const tuneIOThread = (machine, id, body, tag) =>
	send('PATCH', at('machines', machine, 'iothreads', id), { body, headers: tag ? { 'If-Match': tag } : {} });

export const removeIOThread = (machine, id) => send('DELETE', at('machines', machine, 'iothreads', id));

export const attach = (machine, body) => send('POST', at('machines', machine, 'devices'), { body });

/** Returns whether the device is detached already, or the guest has yet to let go. */
export const detach = async (machine, device) =>
	(await send('DELETE', at('machines', machine, 'devices', device), { headers: { Prefer: 'wait=2' } })).status === 204;
