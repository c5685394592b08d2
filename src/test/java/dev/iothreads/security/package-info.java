/**
 * Tests of the doors: of each part alone, and of the whole service as those see it who
 * may and may not come in.
 */
@NullMarked
package dev.iothreads.security;

import org.jspecify.annotations.NullMarked;
