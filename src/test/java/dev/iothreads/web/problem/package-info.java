/**
 * Tests of what is answered when something fails.
 */
@NullMarked
package dev.iothreads.web.problem;

import org.jspecify.annotations.NullMarked;
