// The stream of events. The browser's own EventSource can send no credentials, and does
// not report that the service has stopped sending, even its comments.

// The service sends a comment every 15 s; one that is missed ends the stream.
const SILENCE = 20_000;

/**
 * Reads a stream until it ends.
 *
 * @param open fetches the stream, with a signal that aborts it
 * @param begun is called when the stream has begun
 * @param heard is called for each event, with its type and data
 * @param received is called for all that is received, comments, too
 * @returns a function that ends the stream, and the promise of its end
 */
export function follow(open, begun, heard, received) {
	const abort = new AbortController();
	return { close: () => abort.abort(), ended: read(open, begun, heard, received, abort) };
}

async function read(open, begun, heard, received, abort) {
	let watch = 0;
	const alive = () => {
		clearTimeout(watch);
		watch = setTimeout(() => abort.abort(), SILENCE);
	};
	try {
		alive();
		const answer = await open(abort.signal);
		begun();
		const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
		let rest = '';
		for (let part = await reader.read(); !part.done; part = await reader.read()) {
			alive();
			received();
			const blocks = (rest + part.value).split('\n\n');
			rest = blocks.pop();
			blocks.forEach((block) => report(block, heard));
		}
	}
	finally {
		clearTimeout(watch);
	}
}

function report(block, heard) {
	const fields = new Map(block.split('\n').map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1).trim()]));
	if (fields.has('event')) {
		heard(fields.get('event'), JSON.parse(fields.get('data')));
	}
}
