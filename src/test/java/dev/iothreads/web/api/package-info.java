/**
 * Tests of what the controllers answer.
 */
@NullMarked
package dev.iothreads.web.api;

import org.jspecify.annotations.NullMarked;
