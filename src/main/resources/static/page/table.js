// The table of the machines: a row for each, and its IOThreads beneath when it is open.

import { AdviceView } from './advice.js';
import { IOThreadView, LooseView, button, pick } from './cards.js';
import { Chart, HistoryTable, Sparkline, drawCpu, drawOperations } from './chart.js';
import { copy, h, text, attribute, hide, property, Views } from './dom.js';
import { NOTHING, grouped, percent, rate } from './format.js';

/**
 * One bar for each IOThread.
 */
class Strip {

	constructor() {
		this.element = h('span.strip', { role: 'img' });
		this.bars = [];
	}

	show({ threads, measure, busiest }) {
		while (this.bars.length < threads.length) {
			this.bars.push(this.element.appendChild(h('span')));
		}
		while (this.bars.length > threads.length) {
			this.bars.pop().remove();
		}
		threads.forEach((thread, index) => {
			property(this.bars[index], '--height', thread.height.toFixed(2));
			attribute(this.bars[index], 'data-busiest', thread === busiest);
		});
		const words = threads.map((thread) => `${thread.info.id} ${percent(thread.share)}`);
		attribute(this.element, 'aria-label', threads.length > 0 ? `Share of the ${measure}: ${words.join(', ')}` : 'No IOThreads');
		attribute(this.element, 'title', threads.length > 0 ? `Share of the ${measure}\n${words.join('\n')}` : null);
	}

}

const NOWHERE = () => false;

// As many columns as the table's head has.
const COLUMNS = 9;

const SMALL = [64, 16];

/** A number, with its last 15 minutes. */
class Trend {

	constructor(name, draw) {
		this.draw = draw;
		this.value = h('span.now');
		this.line = new Sparkline(...SMALL);
		this.element = h('td.number', { 'data-of': name }, this.line.element, this.value);
	}

	show(value, series) {
		text(this.value, value);
		attribute(this.line.element, 'visibility', series ? 'visible' : 'hidden');
		this.draw(this.line, series);
	}

}

/**
 * A machine: a row, and its IOThreads beneath when it is open.
 */
export class MachineView {

	#body = null;

	#cards = null;

	constructor(machine) {
		this.machine = machine;
		const id = `machine-${machine.name}`;
		this.pick = pick({ 'aria-label': `Select ${machine.name}` });
		this.toggle = h('button.toggle', { type: 'button', 'data-do': 'toggle', 'data-home': true, 'aria-expanded': 'false', 'aria-controls': id },
			h('span.chevron', { 'aria-hidden': 'true' }), h('span', {}, machine.name));
		this.known = h('span.known');
		this.state = h('span.state');
		this.lock = h('span.lock', { hidden: true });
		this.run = h('td', { 'data-of': 'run' });
		this.strip = new Strip();
		this.iothreads = h('td.number', { 'data-of': 'iothreads' });
		this.devices = h('td.number', { 'data-of': 'devices' });
		this.cpu = new Trend('cpu', drawCpu);
		this.operations = new Trend('operations', drawOperations);
		this.orphans = h('span.mark', { hidden: true, 'data-kind': 'orphaned' });
		this.detaching = h('span.mark', { hidden: true, 'data-kind': 'detaching' });
		this.uneven = h('span.mark', { hidden: true, 'data-kind': 'uneven' });
		this.pool = h('span.mark', { hidden: true, 'data-kind': 'pool' });
		this.notes = h('span.notes', {}, this.uneven, this.orphans, this.detaching, this.pool);
		this.balance = h('td', { 'data-of': 'balance' }, h('div.balance', {}, this.strip.element, this.notes));
		this.why = h('td.why', { colspan: 6, hidden: true });
		this.row = h('tr.row', {}, h('td.picks', {}, this.pick), h('th', { scope: 'row' }, h('div.who', {}, this.toggle, this.known, this.lock)),
			h('td', { 'data-of': 'state' }, this.state), this.run, this.iothreads, this.devices, this.cpu.element, this.operations.element, this.balance, this.why);
		this.content = h('td.content', { id, colspan: COLUMNS });
		this.inside = h('tr.inside', { hidden: true }, this.content);
		this.element = h('tbody.machine', { 'data-machine': machine.name, 'aria-label': machine.name }, this.row, this.inside);
	}

	get isOpen() {
		return this.toggle.getAttribute('aria-expanded') === 'true';
	}

	open(whether) {
		if (whether !== this.isOpen) {
			attribute(this.toggle, 'aria-expanded', whether ? 'true' : 'false');
			attribute(this.inside, 'hidden', !whether);
			return true;
		}
		return false;
	}

	/** Shows the machine as it is; found says whether a search matches a text. */
	show(found = NOWHERE) {
		const { machine } = this;
		const { info, summary, history } = machine;
		const known = machine.isUp;
		attribute(this.element, 'data-state', info.state);
		text(this.known, [info['guest-name'], info.title, info.uuid].filter((word) => word && word !== machine.name).join(' · '));
		attribute(this.known, 'title', this.known.textContent);
		text(this.state, info.state);
		hide(this.lock, !machine.locked);
		text(this.lock, machine.locked);
		text(this.run, machine.runState);
		attribute(this.run, 'data-runs', machine.runState === 'running');
		for (const cell of [this.run, this.iothreads, this.devices, this.cpu.element, this.operations.element, this.balance]) {
			hide(cell, !known);
		}
		hide(this.why, known);
		text(this.why, known ? '' : info.reason ?? '');
		attribute(this.why, 'title', known ? null : info.reason);
		hide(this.pick, Boolean(machine.locked) || !known);
		if (known) {
			this.strip.show(summary);
			text(this.iothreads, grouped(summary.threads.length));
			text(this.devices, grouped(summary.devices.length));
			this.cpu.show(percent(summary.cpu), history?.all);
			this.operations.show(rate(summary.rate), history?.all);
		}
		const { busiest } = summary;
		this.#note(this.uneven, known && busiest?.share > 0 ? `${busiest.info.id} has ${percent(busiest.share)}` : known && summary.uneven ? 'uneven' : '');
		attribute(this.uneven, 'title', summary.sentence || null);
		this.#note(this.orphans, known && summary.orphaned > 0 ? `${summary.orphaned} orphaned` : '');
		this.#note(this.detaching, known && summary.detaching > 0 ? `${summary.detaching} detaching` : '');
		this.#note(this.pool, known ? this.#poolNote() : '');
		attribute(this.pool, 'title', info['pool-reason'] ?? null);
		if (this.isOpen) {
			this.#showBody(found);
		}
	}

	// Settings may differ though none is missing.
	#poolNote() {
		const { 'pool-missing': missing, 'pool-reason': reason } = this.machine.info;
		return missing > 0 ? `${missing} of its pool missing` : reason ? 'pool differs' : '';
	}

	#note(mark, words) {
		hide(mark, !words);
		text(mark, words);
	}

	#build() {
		const { machine } = this;
		this.reason = h('p.reason', { hidden: true });
		this.about = h('span');
		this.copyMonitor = copy();
		this.copyUuid = copy('uuid');
		this.copyPid = copy('pid');
		this.cpuNote = h('p.about', { hidden: true });
		this.poolReason = h('p.about', { hidden: true, 'data-of': 'pool' });
		this.add = button('add', 'Add IOThread', { 'aria-label': `Add an IOThread to ${machine.name}` }, 'plain');
		this.attach = button('attach', 'Attach device', { 'aria-label': `Attach a device to ${machine.name}` }, 'plain');
		this.none = h('p.none', {}, 'It has no IOThread: all its devices run in QEMU’s main loop.');
		this.sentence = h('p.sentence', { hidden: true });
		this.chart = new Chart();
		this.table = new HistoryTable(machine);
		this.advice = new AdviceView(machine);
		const cards = h('div.cards');
		this.#cards = new Views(cards, (item) => item.thread ? new IOThreadView(item) : new LooseView(item));
		this.tools = h('div.tools.changes', {}, this.add, this.attach);
		this.#body = h('div.body', {}, h('div.past', {}, this.chart.element, this.sentence), this.advice.element, this.none, cards, this.table.element,
			h('div.foot', {}, this.tools, h('p.about', {}, this.about, this.copyMonitor, this.copyUuid, this.copyPid), this.cpuNote,
				this.poolReason));
		this.content.append(this.reason, this.#body);
	}

	#showBody(found) {
		const { machine } = this;
		const { info, summary } = machine;
		if (!this.#body) {
			this.#build();
		}
		hide(this.reason, !info.reason);
		text(this.reason, info.reason ?? '');
		attribute(this.#body, 'hidden', !machine.isUp);
		text(this.about, [info['qemu-version'] === 'embedded' ? 'embedded: simulated in the service, no QEMU' : `QEMU ${info['qemu-version'] ?? NOTHING}`,
			info.monitor === 'embedded' ? '' : info.monitor, info.pool ? `pool ${info.pool}` : '',
			machine.locked ? `${machine.locked}: it is only shown` : ''].filter((words) => words).join(' · '));
		hide(this.copyMonitor, info.monitor === 'embedded');
		this.copyMonitor.offer(info.monitor);
		hide(this.copyUuid, !info.uuid);
		this.copyUuid.offer(info.uuid, `the uuid of ${machine.name}`);
		hide(this.copyPid, !info.pid);
		this.copyPid.offer(info.pid, `the process id of ${machine.name}`);
		hide(this.cpuNote, !info['cpu-unavailable']);
		text(this.cpuNote, info['cpu-unavailable'] ? `CPU is not known. ${info['cpu-unavailable']}` : '');
		const pool = this.#poolNote();
		hide(this.poolReason, !pool);
		text(this.poolReason, pool ? `Pool: ${info['pool-reason'] ?? pool}` : '');
		hide(this.tools, Boolean(machine.locked));
		hide(this.attach, summary.threads.length === 0);
		hide(this.none, summary.threads.length > 0);
		hide(this.sentence, !summary.sentence);
		text(this.sentence, summary.sentence);
		attribute(this.sentence, 'data-state', info.balance?.state);
		this.chart.show(machine.name, machine.history?.times, machine.history?.all);
		this.table.show();
		this.advice.show(machine.advice);
		const items = summary.threads.map((thread) => ({ key: `thread ${thread.info.id}`, thread, machine, found }));
		if (summary.orphans.length > 0) {
			items.push({ key: 'orphans', kind: 'orphans', title: 'No visible IOThread', devices: summary.orphans, machine, found,
				words: 'Their IOThread is removed, and their requests run on a thread that QEMU does not list.' });
		}
		if (summary.unreadable.length > 0) {
			items.push({ key: 'unreadable', kind: 'orphans', title: 'Unknown IOThread', devices: summary.unreadable, machine, found,
				words: 'QEMU does not say what they run on: no IOThread of this machine is removed while they are there.' });
		}
		if (summary.mainLoop.length > 0) {
			items.push({ key: 'main', kind: 'main', title: 'Main loop', devices: summary.mainLoop, machine, found,
				words: 'On no IOThread: they share QEMU’s main loop.' });
		}
		this.#cards.show(items, (item) => item.key);
	}

}
