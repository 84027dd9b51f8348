/// The way back to the admin port's thread for answers that come from others'.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <utility>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

namespace mainstay::server {

/// Brings work to an io_context as long as this object lives; what comes later is dropped.
class way_back {
 public:
  /// May outlive the way: then it leads nowhere.
  class door {
   public:
    explicit door(boost::asio::io_context& context) : context_(&context) {}
    /// Any thread. The work must not own what belongs to the io_context's thread alone: where the
    /// way is closed it is destroyed here.
    void post(std::function<void()> work) {
      const std::lock_guard lock(mutex_);
      if (context_ != nullptr) boost::asio::post(*context_, std::move(work));
    }

   private:
    friend class way_back;
    std::mutex mutex_;
    boost::asio::io_context* context_;  // guarded by mutex_; null once the way is closed
  };

  explicit way_back(boost::asio::io_context& context) : door_(std::make_shared<door>(context)) {}
  way_back(const way_back&) = delete;
  way_back& operator=(const way_back&) = delete;
  ~way_back() {
    const std::lock_guard lock(door_->mutex_);
    door_->context_ = nullptr;
  }

  std::shared_ptr<door> entrance() const { return door_; }

 private:
  std::shared_ptr<door> door_;
};

}  // namespace mainstay::server
