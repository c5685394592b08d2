// What all forms have in common.

import { h, attribute, homeOf } from './dom.js';
import { byName } from './format.js';

let serial = 0;

/**
 * A control with its name, its hint, and what is wrong with it.
 */
export class Field {

	constructor(name, label, control, hint = '') {
		const id = `field-${++serial}`;
		this.name = name;
		this.control = control;
		this.wrong = h('p.wrong', { id: `${id}-wrong`, hidden: true });
		control.id = id;
		attribute(control, 'name', name);
		attribute(control, 'aria-describedby', hint ? `${id}-hint ${id}-wrong` : `${id}-wrong`);
		this.element = h('div.field', {}, h('label', { for: id }, label), control, hint ? h('p.hint', { id: `${id}-hint` }, ...[hint].flat()) : null, this.wrong);
	}

	complain(words) {
		this.wrong.textContent = words;
		attribute(this.wrong, 'hidden', !words);
		attribute(this.control, 'aria-invalid', words ? 'true' : null);
	}

}

export const input = (attributes) => h('input', { type: 'text', autocomplete: 'off', spellcheck: 'false', autocapitalize: 'off', ...attributes });

export const number = (attributes) => input({ type: 'number', step: '1', inputmode: 'numeric', ...attributes });

export const grid = (fields) => h('div.grid', {}, ...fields.map((field) => field.element));

export const option = (value, words = value) => h('option', { value }, words);

/**
 * Shows a form until the user cancels it or the change is made.
 *
 * @param content what the form consists of: its fields, and what is around them
 * @param prevents why it cannot be done as things are; nothing when it can
 * @param act makes the change; a failure is shown in the form, which stays open. Where it is made to
 * several it returns what came of each
 */
export function ask({ title, words = [], fields = [], content = fields.map((field) => field.element), does, doing, danger = false, prevents = '', offersSignIn = true, act }) {
	const id = `dialog-${++serial}`;
	const submit = h(danger ? 'button.danger' : 'button.primary', { type: 'submit', disabled: Boolean(prevents), title: prevents || null }, does);
	const cancel = h('button.plain', { type: 'button', click: () => dialog.close() }, 'Cancel');
	const refusal = h('div.refusal', { role: 'alert' });
	const form = h('form', { novalidate: true }, h('h2', { id }, title), ...words.map((line) => h('p', {}, line)),
		...content, refusal, h('div.buttons', {}, cancel, submit));
	const dialog = h('dialog', { 'aria-labelledby': id }, form);
	let busy = false;
	form.addEventListener('submit', async (event) => {
		event.preventDefault();
		if (busy) {
			return;
		}
		fields.forEach((field) => field.complain(field.control.validity.badInput ? 'It must be a whole number.' : ''));
		const bad = fields.find((field) => field.control.validity.badInput);
		if (bad) {
			bad.control.closest('details')?.setAttribute('open', '');
			bad.control.focus();
			return;
		}
		busy = true;
		attribute(submit, 'aria-disabled', 'true');
		submit.textContent = doing;
		refusal.replaceChildren();
		try {
			const results = await act();
			if (results?.length > 0) {
				report(results);
			}
			else {
				dialog.close();
			}
		}
		catch (failure) {
			refuse(failure);
		}
		finally {
			busy = false;
			attribute(submit, 'aria-disabled', null);
			submit.textContent = does;
		}
	});
	// What came of each, where one was asked for several.
	function report(results) {
		const failed = results.filter(({ state }) => state === 'failed').length;
		const close = h('button.primary', { type: 'button', click: () => dialog.close() }, 'Close');
		form.replaceChildren(h('h2', { id }, failed === 0 ? 'All is done' : `${failed} of ${results.length} failed`),
			h('ul.results', { role: 'list' }, ...results.map(({ name, state, words }) => h('li', { 'data-state': state }, h('strong', {}, name), ' ', words))),
			h('div.buttons', {}, close));
		close.focus();
	}
	function refuse(failure) {
		const others = [];
		let first = null;
		for (const { field, message } of failure.errors ?? []) {
			const named = fields.find((candidate) => candidate.name === field);
			if (named) {
				named.complain(message);
				first ??= named.control;
			}
			else {
				others.push(h('li', {}, field ? `${field}: ${message}` : message));
			}
		}
		refusal.replaceChildren(h('p', {}, h('strong', {}, failure.title ?? 'It did not work')), h('p', {}, failure.message));
		if (failure.needsSignIn && offersSignIn) {
			refusal.append(h('button.plain', { type: 'button', click: () => signIn() }, 'Sign in'));
		}
		if (others.length > 0) {
			refusal.append(h('ul', {}, ...others));
		}
		if (first) {
			first.closest('details')?.setAttribute('open', '');
			first.focus();
		}
	}
	show(dialog);
	const start = fields[0]?.control ?? (danger || prevents ? cancel : submit);
	start.focus();
	start.select?.();
	return dialog;
}

// The browser returns the focus to the element that had it, which may be removed by then.
export function show(dialog) {
	const before = document.activeElement;
	const home = homeOf(before);
	dialog.addEventListener('close', () => {
		dialog.remove();
		if (!before.checkVisibility()) {
			home.focus();
		}
	});
	document.body.append(dialog);
	dialog.showModal();
}


// Shows the form for signing in, which is made of the same parts.
let signIn = null;

export function signsInBy(form) {
	signIn = form;
}

/** Shows a failure that comes before a form could be opened. */
export function showFailure(failure) {
	if (failure.needsSignIn) {
		signIn();
		return;
	}
	const id = `dialog-${++serial}`;
	const close = h('button.primary', { type: 'button', click: () => dialog.close() }, 'Close');
	const dialog = h('dialog', { 'aria-labelledby': id }, h('form', {}, h('h2', { id }, failure.title ?? 'It did not work'),
		h('p', {}, failure.message), h('div.buttons', {}, close)));
	show(dialog);
}

/**
 * Does something with one after the other, and says what came of each.
 *
 * @param items each with its name
 * @param act returns the words for what it did, and the state when that is not done
 */
export async function each(items, act) {
	const results = [];
	for (const item of items) {
		try {
			results.push({ name: item.name, state: 'done', ...await act(item) });
		}
		catch (failure) {
			results.push({ name: item.name, state: 'failed', words: [failure.message, ...failure.errors.map(({ field, message }) => field ? `${field}: ${message}` : message)].join(' ') });
		}
	}
	return results;
}

/** A name that none has, with the next number: like these, or of this stem when there are none. */
export function next(names, stem, like = names) {
	const last = [...like].sort(byName).findLast((name) => /\d$/.test(name));
	const base = last ? last.replace(/\d+$/, '') : stem;
	let index = last ? Number(last.match(/\d+$/)[0]) + 1 : 0;
	while (names.includes(base + index)) {
		index++;
	}
	return base + index;
}
