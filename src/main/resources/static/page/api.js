// The public API: what the page can do, curl can do.

const BASE = new URL('api/v1/', document.baseURI);

const TIMEOUT = 30_000;

/** A problem that the service answers with (RFC 9457). */
export class Problem extends Error {

	get needsSignIn() {
		return this.status === 401;
	}

	constructor(status, members) {
		super(forThePage(members.detail ?? members.title ?? `The service answered with status ${status}.`));
		this.status = status;
		this.title = members.title ?? 'It did not work';
		// The only thing that is wrong may be the sentence itself.
		this.errors = (members.errors ?? []).filter(({ field, message }) => field || message !== members.detail);
		this.attached = members['attached-devices'] ?? [];
	}

}

/** The service did not answer. */
export class Unreachable extends Error {

	constructor(changing) {
		super(changing ? 'The service does not answer. The change may have been made all the same: look again when it is back.'
			: 'The service does not answer. The page tries again by itself.');
		this.title = 'No answer';
		this.errors = [];
	}

}

// What a client on a command line has to send, and this page sends by itself.
const FOR_OTHER_CLIENTS = /\s*(Send [^.]* in Authorization\.|GET it again, and send its new ETag in If-Match\.)/g;

function forThePage(detail) {
	return detail.replace(FOR_OTHER_CLIENTS, '');
}

// Credentials are kept until the page is closed, in memory only.
let authorization = null;

const identified = (headers, as = authorization) => as ? { ...headers, Authorization: as } : headers;

async function send(method, path, { body, headers = {}, as } = {}) {
	let answer;
	let said;
	try {
		answer = await fetch(new URL(path, BASE), {
			method,
			headers: identified(body ? { 'Content-Type': method === 'PATCH' ? 'application/merge-patch+json' : 'application/json', ...headers } : headers, as),
			body: body ? JSON.stringify(body) : undefined,
			signal: AbortSignal.timeout(TIMEOUT)
		});
		said = await answer.text();
	}
	catch {
		throw new Unreachable(method !== 'GET');
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
		throw new Unreachable(false);
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
	const utf8 = String.fromCharCode(...new TextEncoder().encode(`${name}:${secret}`));
	const as = name ? `Basic ${btoa(utf8)}` : `Bearer ${secret}`;
	await send('GET', 'machines', { as });
	authorization = as;
}

export function signOut() {
	authorization = null;
}

export const service = async () => (await send('GET', 'service')).content;

export const machines = async () => (await send('GET', 'machines')).content;

export const activity = async () => (await send('GET', 'activity')).content;

export const history = async (machine, since) =>
	(await send('GET', at('machines', machine, 'history') + (since === undefined ? '' : `?since=${since}`))).content;

export const advice = async (machine) => (await send('GET', at('machines', machine, 'advice'))).content;

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
