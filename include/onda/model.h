// Models as such: read, print, convert, without running them.
#ifndef ONDA_MODEL_H_
#define ONDA_MODEL_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "onda/onda.h"

namespace onda {
inline namespace v1 {

// Something that is wrong with a model. What is not known is "" or 0.
struct Problem {
  ErrorCode code = ErrorCode::kInvalidModel;
  bool warning = false;  // legal, and yet suspicious
  std::string place;     // the function or body that it is in; "" for the main graph
  std::string node, op, domain;
  int opset = 0;
  std::string cause;
  std::string hint;

  // In one line.
  std::string ToString() const {
    std::string text = warning ? "warning: " : "error: ";
    if (!place.empty()) text += place + ": ";
    if (!op.empty()) {
      text += (node.empty() ? "node (" : "node '" + node + "' (") + op + ", " + (domain.empty() ? "ai.onnx" : domain);
      text += (opset > 0 ? " opset " + std::to_string(opset) : "") + "): ";
    }
    return text + cause + (hint.empty() ? "" : " (" + hint + ")");
  }
};

// A model as read. Copies share it.
class Model {
 public:
  // Throws Error: kNotFound, or kInvalidModel with the place and cause.
  static Model FromFile(const std::string& path) {
    OndaModel* m = nullptr;
    Check(Api().CreateModelFromFile(path.c_str(), &m));
    return Model(m);
  }
  // ONNX's binary format. folder: of the files that the model's weights may lie in; "" where there are none.
  static Model FromMemory(const void* data, size_t size, const std::string& folder = "") {
    OndaModel* m = nullptr;
    Check(folder.empty() ? Api().CreateModelFromMemory(data, size, &m)
                         : Api().CreateModelFromMemoryInFolder(data, size, folder.c_str(), &m));
    return Model(m);
  }
  // ONNX's text syntax.
  static Model FromText(const std::string& text, const std::string& folder = "") {
    OndaModel* m = nullptr;
    Check(folder.empty() ? Api().CreateModelFromText(text.c_str(), &m)
                         : Api().CreateModelFromTextInFolder(text.c_str(), folder.c_str(), &m));
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
  // With the type and shape of every value, as far as they follow from the inputs'.
  Model InferShapes() const {
    OndaModel* m = nullptr;
    Check(Api().ModelInferShapes(get(), &m));
    return Model(m);
  }
  // What the model says of its values, those of bodies too: (name, "float[batch, 3]"), "" where it says nothing.
  std::vector<std::pair<std::string, std::string>> ValueTypes() const {
    std::vector<std::pair<std::string, std::string>> types;
    const auto write = [](void* user, const char* value, const char* type) {
      static_cast<decltype(types)*>(user)->emplace_back(value, type);
    };
    Check(Api().ModelValueTypes(get(), write, &types));
    return types;
  }
  // Everything that is wrong with the model; see CheckModelFile.
  std::vector<Problem> FindProblems(bool inference = true) const {
    std::vector<Problem> problems;
    Check(Api().CheckModel(get(), inference, AddProblem, &problems));
    return problems;
  }
  // For the functions below.
  static void AddProblem(void* problems, const OndaProblem* p) {
    static_cast<std::vector<Problem>*>(problems)->push_back({static_cast<ErrorCode>(p->code), p->warning != 0, p->place,
                                                             p->node, p->op, p->domain, p->opset, p->cause, p->hint});
  }
  OndaModel* get() const { return model_.get(); }

 private:
  explicit Model(OndaModel* model) : model_(model, Api().ReleaseModel) {}
  std::shared_ptr<OndaModel> model_;
};

// Everything that is wrong with a model in ONNX's binary format: each problem that ONNX's checker and the inference of
// types and shapes find, not only the first. A file that cannot be read at all has one problem. inference: also types
// and shapes; without it each node is held against its signature alone.
inline std::vector<Problem> CheckModelFile(const std::string& path, bool inference = true) {
  std::vector<Problem> problems;
  Check(Api().CheckModelFile(path.c_str(), inference, Model::AddProblem, &problems));
  return problems;
}
inline std::vector<Problem> CheckModelMemory(const void* data, size_t size, bool inference = true,
                                             const std::string& folder = "") {
  std::vector<Problem> problems;
  Check(folder.empty()
            ? Api().CheckModelMemory(data, size, inference, Model::AddProblem, &problems)
            : Api().CheckModelMemoryInFolder(data, size, folder.c_str(), inference, Model::AddProblem, &problems));
  return problems;
}

inline Session::Session(const Env& env, const Model& model, const SessionOptions& options) : env_(env) {
  OndaSession* s = nullptr;
  Check(Api().CreateSessionFromModel(env.get(), model.get(), options.get(), &s));
  Take(s);
}

}  // namespace v1
}  // namespace onda

#endif  // ONDA_MODEL_H_
