/**
 * What an operator could change about a machine's IOThreads, and why. Nothing in here
 * changes anything.
 */
@NullMarked
package dev.iothreads.advice;

import org.jspecify.annotations.NullMarked;
