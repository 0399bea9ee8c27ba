#pragma once

/// A memory image: everything that a running controller knows beyond its flash, so that an emulator can put it away
/// between two ticks and go on later as if nothing had happened. The microcontroller has no use for it.
///
/// Every class with such knowledge has
///   template <typename Image>
///   void image(Image& image) { image(a_, b_); }
/// which hands over all its values, always in the same order. An Image either reads or writes them: plain values as
/// their bytes, values that have an image() by calling it. References are those of the new object's constructor, and
/// pointers are set anew by the class that holds them. Who adds a member adds it there; tests/sim/snapshot_test.cpp
/// runs fleets that were put away beside those that never were.
namespace cubby {

/// True: such values may be part of an image as they are.
template <typename Image, typename T>
concept HasImage = requires(Image& image, T& item) {
  item.image(image);
};

}  // namespace cubby
