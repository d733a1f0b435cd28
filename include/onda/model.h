// Models as such: read, print, convert, without running them.
#ifndef ONDA_MODEL_H_
#define ONDA_MODEL_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "onda/onda.h"

namespace onda {
inline namespace v1 {

// A model as read. Copies share it.
class Model {
 public:
  // Throws Error: kNotFound, or kInvalidModel with the place and cause.
  static Model FromFile(const std::string& path) {
    OndaModel* m = nullptr;
    Check(Api().CreateModelFromFile(path.c_str(), &m));
    return Model(m);
  }
  // ONNX's binary format.
  static Model FromMemory(const void* data, size_t size) {
    OndaModel* m = nullptr;
    Check(Api().CreateModelFromMemory(data, size, &m));
    return Model(m);
  }
  // ONNX's text syntax.
  static Model FromText(const std::string& text) {
    OndaModel* m = nullptr;
    Check(Api().CreateModelFromText(text.c_str(), &m));
    return Model(m);
  }
  // In ONNX's text syntax; stage "" is as read, "upgraded" in canonical form.
  std::string Print(const char* stage = "") const {
    const char* text = nullptr;
    Check(Api().ModelPrint(get(), stage, &text));
    return text;
  }
  // In ONNX's binary format. external: a file name beside the model that takes the weights; "" keeps them inside.
  void Save(const std::string& path, const std::string& external = "") const {
    Check(Api().ModelSave(get(), path.c_str(), "onnx", external.empty() ? nullptr : external.c_str()));
  }
  // The same as bytes; over 2 GiB there is no such form.
  std::string Serialize() const {
    const void* data = nullptr;
    size_t size = 0;
    Check(Api().ModelSerialize(get(), &data, &size));
    return std::string(static_cast<const char*>(data), size);
  }
  // In the newest operator sets, functions inlined. Throws Error naming a node that these cannot express.
  Model Upgraded() const {
    OndaModel* m = nullptr;
    Check(Api().ModelUpgrade(get(), &m));
    return Model(m);
  }
  OndaModel* get() const { return model_.get(); }

 private:
  explicit Model(OndaModel* model) : model_(model, Api().ReleaseModel) {}
  std::shared_ptr<OndaModel> model_;
};

inline Session::Session(const Env& env, const Model& model, const SessionOptions& options) : env_(env) {
  OndaSession* s = nullptr;
  Check(Api().CreateSessionFromModel(env.get(), model.get(), options.get(), &s));
  Take(s);
}

}  // namespace v1
}  // namespace onda

#endif  // ONDA_MODEL_H_
