// The forms for the settings of IOThreads.

import * as api from './api.js';
import { h, text, attribute } from './dom.js';
import { Field, ask, each, grid, input, next, number } from './forms.js';
import { byName, count, duration, grouped } from './format.js';
import { RANGES, SETTINGS, defaultOf } from './model.js';

const HINTS = {
	'poll-max-ns': 'Longest busy waiting; 0 turns polling off',
	'poll-grow': 'What the polling time is multiplied by; 0 for QEMU’s own',
	'poll-shrink': 'What the polling time is divided by; 0 for QEMU’s own',
	'poll-weight': 'How slowly the polling time follows the load',
	'aio-max-batch': 'Requests in one batch to the kernel; 0 for QEMU’s own',
	'thread-pool-min': 'Worker threads kept although idle',
	'thread-pool-max': 'Most worker threads'
};

const POLLING = 'An IOThread that polls longer answers sooner, and uses CPU time while it waits: up to a whole CPU each. '
	+ 'Polling less saves that, and costs a wake-up for each request.';

/** A setting with its default, its range and its unit. */
class Setting extends Field {

	constructor(name, value, example) {
		const [min, max] = RANGES[name];
		const unit = h('output');
		const own = defaultOf(name, example);
		const control = number({ min, max: max === Infinity ? null : max, value: value ?? '', placeholder: `QEMU’s default, ${own}` });
		const reset = h('button.link', { type: 'button', click: () => {
			control.value = own;
			convert();
		} }, 'Reset');
		attribute(reset, 'aria-label', `Reset ${name} to ${own}`);
		const range = max === Infinity ? `${min} or more` : `from ${grouped(min)} to ${grouped(max)}`;
		super(name, name, control, [`${HINTS[name]}. Default ${grouped(own)}; ${range}. `, unit, value === undefined ? '' : reset]);
		const convert = () => text(unit, name === 'poll-max-ns' && control.value !== '' ? `${grouped(control.value)}\u202fns = ${duration(control.valueAsNumber)} ` : '');
		control.addEventListener('input', convert);
		convert();
	}

}

// What every IOThread of the machine has, its QEMU has.
function settingsOf(machine) {
	const one = machine?.iothreads.values().next().value;
	return one ? SETTINGS.filter((name) => one[name] !== undefined) : SETTINGS.filter((name) => name !== 'poll-weight');
}

const example = (machine) => machine?.iothreads.values().next().value ?? {};

const given = (fields) => Object.fromEntries(fields.filter((field) => field.control.value !== '').map((field) => [field.name, value(field.control)]));

// A number that JavaScript cannot hold is sent as it was written, and refused with words.
function value(control) {
	return Number.isSafeInteger(control.valueAsNumber) ? control.valueAsNumber : control.value;
}

export function add(machine, changed) {
	const id = new Field('id', 'Id', input({ value: next([...machine.iothreads.keys()], 'iothread'), required: true }),
		'A letter, then letters, digits, -, . or _');
	const settings = settingsOf(machine).map((name) => new Setting(name, undefined, example(machine)));
	ask({ title: `Add an IOThread to ${machine.name}`, fields: [id, ...settings],
		content: [id.element, h('details', {}, h('summary', {}, 'Settings'), grid(settings))], does: 'Add', doing: 'Adding…',
		act: async () => {
			await api.addIOThread(machine.name, { id: id.control.value, ...given(settings) });
			changed(`${id.control.value} was added to ${machine.name}`);
		} });
}

export async function tune(machine, iothread, changed, fail) {
	let read;
	try {
		read = await api.iothread(machine.name, iothread);
	}
	catch (failure) {
		fail(failure);
		return;
	}
	const fields = SETTINGS.filter((name) => read.content[name] !== undefined).map((name) => new Setting(name, read.content[name], read.content));
	const others = [...machine.iothreads.keys()].filter((id) => id !== iothread).sort(byName);
	const all = h('input', { type: 'checkbox', name: 'all' });
	ask({ title: `Tune ${iothread} of ${machine.name}`,
		words: ['It takes effect at once, and lasts as long as this QEMU runs. The guest goes on meanwhile.', POLLING], fields,
		content: [grid(fields), others.length === 0 ? null : h('label.check', {}, all, `Apply to all ${count(others.length + 1, 'IOThread')} of ${machine.name}`)],
		does: 'Tune', doing: 'Tuning…',
		act: async () => {
			const different = fields.filter((field) => all.checked || field.control.value !== String(read.content[field.name]));
			if (different.length === 0) {
				return null;
			}
			const body = given(different);
			await api.tuneIOThread(machine.name, iothread, body, read.tag);
			changed(`${iothread} of ${machine.name} was tuned`);
			if (!all.checked) {
				return null;
			}
			const rest = await each(others.map((name) => ({ name })), async ({ name }) => {
				await api.tuneIOThread(machine.name, name, body);
				return { words: 'is tuned' };
			});
			return [{ name: iothread, state: 'done', words: 'is tuned' }, ...rest];
		} });
}

/** Tunes every IOThread of several machines. */
export function tuneAll(machines, changed) {
	const threads = machines.flatMap((machine) => [...machine.iothreads.keys()].sort(byName).map((id) => ({ name: `${machine.name}: ${id}`, machine: machine.name, id })));
	const fields = settingsOf(machines[0]).map((name) => new Setting(name, undefined, example(machines[0])));
	ask({ title: `Tune ${count(threads.length, 'IOThread')} of ${count(machines.length, 'machine')}`,
		words: [`It takes effect at once, and lasts as long as each QEMU runs. A setting that is left empty stays as it is. ${POLLING}`],
		prevents: threads.length === 0 ? 'None of the machines has an IOThread.' : '',
		fields, content: [grid(fields), h('details', {}, h('summary', {}, 'All of them'), h('p', {}, threads.map(({ name }) => name).join(', ')))],
		does: 'Tune all', doing: 'Tuning…',
		act: async () => {
			const body = given(fields);
			const results = await each(Object.keys(body).length > 0 ? threads : [], async ({ machine, id }) => {
				await api.tuneIOThread(machine, id, body);
				return { words: 'is tuned' };
			});
			changed(`${count(results.length, 'IOThread')} tuned`);
			return results;
		} });
}
