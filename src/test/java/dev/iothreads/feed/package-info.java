/**
 * What becomes different, as it is published: the comparison of snapshots, and the stream
 * that clients read over HTTP.
 */
@NullMarked
package dev.iothreads.feed;

import org.jspecify.annotations.NullMarked;
