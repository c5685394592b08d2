/**
 * Tests of what is kept of the last minutes.
 */
@NullMarked
package dev.iothreads.history;

import org.jspecify.annotations.NullMarked;
