/**
 * Tests of the stream of changes.
 */
@NullMarked
package dev.iothreads.web.events;

import org.jspecify.annotations.NullMarked;
