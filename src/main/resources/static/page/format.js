// Numbers as people read them. \u202f is a narrow space that does not break.

const SPACE = '\u202f';

export const NOTHING = '–';

function scaled(value, units) {
	let rest = value;
	let unit = 0;
	while (rest >= 999.5 && unit < units.length - 1) {
		rest /= 1000;
		unit++;
	}
	const digits = rest >= 99.5 || (unit === 0 && rest >= 9.95) ? 0 : rest >= 9.95 ? 1 : unit === 0 ? 1 : 2;
	return [unit === 0 ? Number(rest.toFixed(digits)).toString() : rest.toFixed(digits), units[unit]];
}

export function rate(perSecond) {
	if (perSecond === undefined) {
		return NOTHING;
	}
	const [number, unit] = scaled(perSecond, ['', 'k', 'M', 'G']);
	return unit ? number + SPACE + unit : number;
}

export function bytes(perSecond) {
	const [number, unit] = scaled(perSecond, ['B/s', 'kB/s', 'MB/s', 'GB/s']);
	return number + SPACE + unit;
}

/** Bytes of a file; nothing when that is not known. */
export function size(number) {
	return number > 0 ? scaled(number, ['B', 'kB', 'MB', 'GB', 'TB']).join(SPACE) : '';
}

export function percent(fraction) {
	if (fraction === undefined) {
		return NOTHING;
	}
	const value = fraction * 100;
	return (value > 0 && value < 9.95 ? Number(value.toFixed(1)) : Math.round(value)) + SPACE + '%';
}

/** A time in ns, in the unit that a person would take. */
export function duration(nanoseconds) {
	const [number, unit] = scaled(nanoseconds, ['ns', 'µs', 'ms', 's']);
	return Number(number) + SPACE + unit;
}

export function grouped(number) {
	return String(number).replace(/\B(?=(\d{3})+$)/g, SPACE);
}

export function count(number, one, many = one + 's') {
	return grouped(number) + ' ' + (number === 1 ? one : many);
}

export function clock(date) {
	return date.toTimeString().slice(0, 8);
}

export function list(words) {
	return words.length < 2 ? words.join('') : words.slice(0, -1).join(', ') + ' and ' + words.at(-1);
}

/** iothread2 comes before iothread10. */
export const byName = new Intl.Collator('en', { numeric: true }).compare;
