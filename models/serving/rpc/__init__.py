"""The Open Inference Protocol, version 2, over gRPC: for containers, and installed only there.

`inference.proto` follows the published specification; `inference_pb2.py` is generated from it by
`python -m grpc_tools.protoc -I models/serving/rpc --python_out=models/serving/rpc \
--pyi_out=models/serving/rpc models/serving/rpc/inference.proto` and committed, so that neither
building nor testing needs the compiler.
"""
