// The last 15 minutes of CPU and operations, as two lines with one cursor. The pointer
// and the arrow keys move the cursor; what is there is written beneath, and read.

import { h, svg, text, attribute, hide } from './dom.js';
import { clock, percent, rate } from './format.js';

/** How long the lines are, in seconds. */
export const MEMORY = 15 * 60;

const WIDTH = 240;

const HEIGHT = 24;

const KEYS = { ArrowLeft: (index) => index - 1, ArrowRight: (index) => index + 1, PageUp: (index) => index - 10, PageDown: (index) => index + 10,
	Home: () => 0, End: () => Infinity };

const known = (value) => value !== null && value !== undefined;

/**
 * A line through values; a value that is not known is a gap in it.
 */
export class Sparkline {

	constructor(width = WIDTH, height = HEIGHT) {
		this.width = width;
		this.height = height;
		this.line = svg('path', { class: 'drawn' });
		this.cursor = svg('line', { class: 'cursor', y1: 0, y2: height, visibility: 'hidden' });
		this.element = svg('svg', { class: 'spark', viewBox: `0 0 ${width} ${height}`, preserveAspectRatio: 'none', 'aria-hidden': 'true' }, this.line, this.cursor);
	}

	show(values, least, times) {
		const top = Math.max(least, ...values.filter(known));
		let pen = 'M';
		let path = '';
		values.forEach((value, index) => {
			if (!known(value)) {
				pen = 'M';
				return;
			}
			path += `${pen}${this.x(times, index)} ${(this.height - 1 - value / top * (this.height - 2)).toFixed(1)}`;
			pen = 'L';
		});
		attribute(this.line, 'd', path);
	}

	// The latest is at the right.
	x(times, index) {
		return ((1 - (times.at(-1) - times[index]) / MEMORY) * this.width).toFixed(1);
	}

	point(times, index) {
		attribute(this.cursor, 'visibility', index === null ? 'hidden' : 'visible');
		if (index !== null) {
			const x = this.x(times, index);
			attribute(this.cursor, 'x1', x);
			attribute(this.cursor, 'x2', x);
		}
	}

}

// An idle machine's line stays at the bottom.
const LEAST_CPU = 5;

const LEAST_OPERATIONS = 10;

export const drawCpu = (line, series) => line.show(series?.cpu ?? [], LEAST_CPU, series?.times);

export const drawOperations = (line, series) => line.show(series?.operations ?? [], LEAST_OPERATIONS, series?.times);

/** What was measured at a time, in words. */
export function reading(times, series, index) {
	const cpu = series.cpu[index];
	const operations = series.operations[index];
	return `${clock(new Date(times[index] * 1000))}: ${known(cpu) ? `CPU ${percent(cpu / 100)}` : 'CPU not known'}, `
		+ (known(operations) ? `${rate(operations)} operations/s` : 'operations not known');
}

/** CPU and operations of one IOThread, or of a whole machine. */
export class Chart {

	#times = [];

	#series = null;

	#at = null;

	constructor() {
		this.cpu = new Sparkline();
		this.operations = new Sparkline();
		this.plot = h('div.plot', { role: 'slider', tabindex: '0', 'aria-valuemin': '0', 'aria-orientation': 'horizontal',
			pointermove: (event) => this.#hover(event), pointerleave: () => this.#point(null), blur: () => this.#point(null),
			focus: () => this.#point(this.#times.length - 1), keydown: (event) => this.#press(event) }, this.cpu.element, this.operations.element);
		this.value = h('p.value');
		this.element = h('div.chart', { hidden: true }, this.plot, this.value);
	}

	show(name, times = [], series = null) {
		this.#times = times;
		this.#series = series;
		hide(this.element, !series || times.length < 2);
		if (!series) {
			return;
		}
		drawCpu(this.cpu, series);
		drawOperations(this.operations, series);
		attribute(this.plot, 'aria-label', `CPU and operations of ${name}, last 15 minutes`);
		attribute(this.plot, 'aria-valuemax', times.length - 1);
		this.#point(this.#at);
	}

	#hover(event) {
		const { left, width } = this.plot.getBoundingClientRect();
		const time = this.#times.at(-1) - (1 - (event.clientX - left) / width) * MEMORY;
		const later = this.#times.findIndex((candidate) => candidate >= time);
		this.#point(later > 0 && time - this.#times[later - 1] < this.#times[later] - time ? later - 1 : later);
	}

	#press(event) {
		const move = KEYS[event.key];
		if (move) {
			event.preventDefault();
			this.#point(move(this.#at ?? this.#times.length - 1));
		}
	}

	#point(index) {
		const last = this.#times.length - 1;
		this.#at = index === null || last < 0 ? null : Math.round(Math.min(Math.max(index, 0), last));
		this.cpu.point(this.#times, this.#at);
		this.operations.point(this.#times, this.#at);
		const words = this.#series && last >= 0 ? reading(this.#times, this.#series, this.#at ?? last) : '';
		attribute(this.plot, 'aria-valuenow', this.#at ?? Math.max(last, 0));
		attribute(this.plot, 'aria-valuetext', words);
		text(this.value, this.#at === null ? 'CPU and operations, last 15 minutes' : words);
	}

}

/**
 * The same as a table, made when it is opened: a row for each minute.
 */
export class HistoryTable {

	constructor(machine) {
		this.machine = machine;
		this.table = h('div.scroll', { tabindex: '0', role: 'region', 'aria-label': `History of ${machine.name}` });
		this.element = h('details.history', { hidden: true, toggle: () => this.show() }, h('summary', {}, 'History as a table'), this.table);
	}

	show() {
		const { history } = this.machine;
		hide(this.element, !history);
		if (!history || !this.element.open) {
			return;
		}
		const { times, iothreads } = history;
		const ids = [...iothreads.keys()];
		const rows = times.map((time, index) => ({ time, index })).filter(({ time }, index) => index === 0 || Math.floor(time / 60) !== Math.floor(times[index - 1] / 60));
		const cells = (index) => ids.flatMap((id) => [iothreads.get(id).cpu[index], iothreads.get(id).operations[index]]);
		this.table.replaceChildren(h('table', {}, h('thead', {}, h('tr', {}, h('th', { scope: 'col' }, 'Time'),
			...ids.flatMap((id) => [h('th', { scope: 'col' }, `${id} CPU`), h('th', { scope: 'col' }, `${id} ops/s`)]))),
		h('tbody', {}, ...rows.reverse().map(({ time, index }) => h('tr', {}, h('th', { scope: 'row' }, clock(new Date(time * 1000))),
			...cells(index).map((value, column) => h('td', {}, !known(value) ? '–' : column % 2 === 0 ? percent(value / 100) : rate(value))))))));
	}

}
