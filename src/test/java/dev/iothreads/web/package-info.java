/**
 * Tests of the HTTP side: through {@code MockMvc} where that is enough, through a real
 * server where the container has a say.
 */
@NullMarked
package dev.iothreads.web;

import org.jspecify.annotations.NullMarked;
