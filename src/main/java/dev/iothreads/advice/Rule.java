package dev.iothreads.advice;

import java.util.List;

/**
 * Looks for one thing that could be better. Where it lacks figures it finds nothing.
 */
interface Rule {

	/**
	 * Looks at a machine.
	 * @param situation what is known of it
	 * @return what could be better
	 */
	List<Advice> examine(Situation situation);

}
