#pragma once

#include <algorithm>

namespace cubby::aggregator {

/// Puts itself between SQLite and its page cache, so that a commit does not walk through the whole cache.
///
/// SQLite sorts the pages of a split by way of a number that no page has, that of the lock page at 1 GiB, and ends
/// every transaction with an order to drop what lies beyond the end of the file. Its cache remembers the highest number
/// that it ever held, finds the lock page's far beyond the end, and looks at each of its pages for what is not there:
/// half a millisecond a commit with 128 MiB, until the file has 1 GiB. Here the lock page's number counts only as long
/// as a page has it, and orders that concern no page are not passed on. (SQLite 3.40: balance_nonroot,
/// pcache1Truncate.)
///
/// For the whole process; only before SQLite is first used, after that it does nothing.
void use_page_cache();

/// What is known of the numbers of a cache's pages: never less than what is there.
class PageNumbers {
 public:
  /// `lock_page`: the number that no page keeps.
  explicit PageNumbers(unsigned lock_page) : lock_page_(lock_page) {}

  /// A page may be there from now on.
  void add(unsigned number) {
    if (number == lock_page_) {
      has_lock_page_ = true;
    } else {
      highest_ = std::max(highest_, number);
    }
  }
  void move(unsigned from, unsigned to) {
    has_lock_page_ = has_lock_page_ && from != lock_page_;
    add(to);
  }
  bool may_have(unsigned limit) const { return highest_ >= limit || (has_lock_page_ && lock_page_ >= limit); }
  /// All from `limit` on are gone.
  void drop(unsigned limit) {
    has_lock_page_ = has_lock_page_ && lock_page_ < limit;
    highest_ = std::min(highest_, limit == 0 ? 0 : limit - 1);
  }

 private:
  unsigned lock_page_;
  unsigned highest_ = 0;  // The lock page left out; 0: none.
  bool has_lock_page_ = false;
};

}  // namespace cubby::aggregator
