"""Lambda."""

from moto.awslambda.models import LambdaFunction


def durable_config():
    """CreateFunction DurableConfig: stock moto forgets it."""
    remember("DurableConfig")


def dead_letter_config():
    """CreateFunction DeadLetterConfig: stock moto forgets it."""
    remember("DeadLetterConfig")


def remember(name):
    stock_init, stock_configuration = LambdaFunction.__init__, LambdaFunction.get_configuration

    def init(self, account_id, spec, *args, **kwargs):
        stock_init(self, account_id, spec, *args, **kwargs)
        self.__dict__[f"remembered_{name}"] = spec.get(name)

    def get_configuration(self, *args, **kwargs):
        config = stock_configuration(self, *args, **kwargs)
        if self.__dict__.get(f"remembered_{name}"):
            config[name] = self.__dict__[f"remembered_{name}"]
        return config

    LambdaFunction.__init__ = init
    LambdaFunction.get_configuration = get_configuration


def state_by_tags():
    """GetFunctionConfiguration: stock moto's functions are always active. Tags lambda:state and lambda:last-update play others."""
    stock = LambdaFunction.get_configuration

    def get_configuration(self, *args, **kwargs):
        config = stock(self, *args, **kwargs)
        config["State"] = self.tags.get("lambda:state", config["State"])
        if "lambda:last-update" in self.tags:
            config["LastUpdateStatus"] = self.tags["lambda:last-update"]
        return config

    LambdaFunction.get_configuration = get_configuration


MENDS = [durable_config, dead_letter_config, state_by_tags]
