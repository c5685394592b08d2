/**
 * The stream of changes as server-sent events.
 */
@NullMarked
package dev.iothreads.web.events;

import org.jspecify.annotations.NullMarked;
