/**
 * Tests of the page's addresses.
 */
@NullMarked
package dev.iothreads.web.page;

import org.jspecify.annotations.NullMarked;
