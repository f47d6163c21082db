/**
 * Two classes of jCardSim's copy of Bouncy Castle, written anew for curves over prime fields: the
 * originals take a modular inversion for every step of a scalar multiplication, which is four
 * fifths of all that jCardSim does for the applet. They come before jCardSim on the class path and
 * compute the same multiples.
 */
package com.licel.jcardsim.bouncycastle.math.ec;
