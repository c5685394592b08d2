// The stream of events. The browser's own EventSource can send no credentials, and does
// not tell when nothing comes any more, not even the sign of life.

// The service gives one every 15 s.
const SILENCE = 40_000;

/**
 * Reads a stream until it ends.
 *
 * @param open fetches it, by a signal to give up
 * @param begun is told when it has begun
 * @param heard is told of each event, with its type and data
 * @returns a function that gives up, and the promise of the end
 */
export function follow(open, begun, heard) {
	const abort = new AbortController();
	return { close: () => abort.abort(), ended: read(open, begun, heard, abort) };
}

async function read(open, begun, heard, abort) {
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
			const blocks = (rest + part.value).split('\n\n');
			rest = blocks.pop();
			blocks.forEach((block) => tell(block, heard));
		}
	}
	finally {
		clearTimeout(watch);
	}
}

function tell(block, heard) {
	const fields = new Map(block.split('\n').map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1).trim()]));
	if (fields.has('event')) {
		heard(fields.get('event'), JSON.parse(fields.get('data')));
	}
}
