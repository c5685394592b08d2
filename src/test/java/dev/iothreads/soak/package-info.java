/**
 * Many machines that come, hang and go for minutes, and many who ask for them: what is
 * counted in the end, and what is left over. Run by {@code ./mvnw -Psoak test}.
 */
@NullMarked
package dev.iothreads.soak;

import org.jspecify.annotations.NullMarked;
